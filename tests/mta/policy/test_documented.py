# SPDX-License-Identifier: MIT
"""Each check has its place in docs/flows/policy.md."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from homemail.mta.policy import CHECKS

PAGE = (Path(__file__).parents[3] / "docs/flows/policy.md").read_text("utf-8")


@pytest.mark.parametrize("name", [check.name for check in CHECKS])
def test_each_check_is_documented(name):
    assert re.search(rf"^### {name}$|^(?!#).*`{name}`", PAGE, re.MULTILINE)


def test_no_heading_without_a_check():
    names = {check.name for check in CHECKS} | {"warn_if_reject"}
    assert set(re.findall(r"^### (\S+)$", PAGE, re.MULTILINE)) <= names
