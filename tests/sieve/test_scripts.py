# SPDX-License-Identifier: MIT
from __future__ import annotations

import pytest

from tests.sieve.cases import Case, all_cases, check


@pytest.mark.parametrize("case", all_cases(), ids=str)
def test_script(case: Case) -> None:
    check(case)
