# SPDX-License-Identifier: MIT
"""docs/rfc/index.txt and what the program cites agree."""

from __future__ import annotations

import re
from functools import cache

from tests.docs.tree import ROOT, text_files

STATES = ("Yes", "Partial", "Planned", "No")
CITED = re.compile(r"RFC[ \u00a0](\d{3,5})\b")


@cache
def rows() -> list[tuple[str, list[str]]]:
    """Return each row of the index with its place: RFC, state, title, where."""
    places = [ROOT / "docs/rfc/index.txt", *sorted((ROOT / "docs/rfc/index.d").glob("*.txt"))]
    return [
        (f"{place.relative_to(ROOT)}:{number}", line.split("\t"))
        for place in places
        if place.exists()
        for number, line in enumerate(place.read_text("utf-8").splitlines(), 1)
        if line.strip() and not line.startswith("#")
    ]


@cache
def cited(*places: str) -> dict[str, str]:
    """Return each RFC that is cited, with one file that does."""
    return {
        number: str(file.relative_to(ROOT))
        for file in text_files(*places)
        for number in CITED.findall(file.read_text("utf-8", "replace"))
    }


def test_rows_have_their_form():
    wrong = [
        place
        for place, row in rows()
        if len(row) != 4 or not row[0].isdecimal() or row[1] not in STATES or not all(row[2:])
    ]
    assert wrong == [], "expected: number, one of Yes, Partial, Planned, No, title, where; tabs"


def test_every_rfc_cited_in_the_program_has_a_row():
    known = {str(int(row[0])) for _, row in rows() if row[0].isdecimal()}
    missing = {rfc: file for rfc, file in cited("homemail").items() if str(int(rfc)) not in known}
    assert missing == {}


def test_every_row_that_is_done_is_cited():
    everywhere = {str(int(number)) for number in cited("homemail", "tests")}
    idle = [
        f"{place}: {row[0]}"
        for place, row in rows()
        if row[1:2] and row[1] in ("Yes", "Partial") and str(int(row[0])) not in everywhere
    ]
    assert idle == []


def test_citations_have_the_one_form():
    """``RFC nnnn §a.b``: else the index cannot find them."""
    other = re.compile(r"\bRFC(?:-|  +)?(?!822\b)\d{3,5}\b|RFC \d+,? [Ss]ection")
    wrong = [
        f"{file.relative_to(ROOT)}:{number}: {line.strip()}"
        for file in text_files("homemail")
        for number, line in enumerate(file.read_text("utf-8").splitlines(), 1)
        if other.search(line)
    ]
    assert wrong == []
