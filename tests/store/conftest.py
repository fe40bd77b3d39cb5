# SPDX-License-Identifier: MIT
"""Failures inside the conformance suite show their values."""

import pytest

pytest.register_assert_rewrite("tests.store.conformance")
