# SPDX-License-Identifier: MIT
"""Every type of table keeps the contract."""

from __future__ import annotations

import re

import pytest

from homemail.lookup import TABLE_TYPES
from tests.docs.tree import ROOT
from tests.lookup.conformance import KINDS, Kind, TableConformance

_TESTED_ALONE = {"cidr", "static", "unix"}  # their keys are not free


@pytest.fixture(params=KINDS, ids=lambda kind: kind.name)
def kind(request: pytest.FixtureRequest) -> Kind:
    return request.param


class TestEveryType(TableConformance):
    """The suite over each kind."""


def test_every_type_is_tested() -> None:
    assert {kind.name for kind in KINDS} | _TESTED_ALONE == set(TABLE_TYPES)


def test_every_type_has_a_heading_in_the_manual() -> None:
    text = (ROOT / "docs/formats/tables.md").read_text("utf-8")
    headings = re.findall(r"^### (.*)$", text, re.MULTILINE)
    assert {name for heading in headings for name in heading.split(", ")} == set(TABLE_TYPES)
