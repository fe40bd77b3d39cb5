# SPDX-License-Identifier: MIT
"""Links lead somewhere, and nothing names a place that only this workshop has."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs.tree import ROOT, text_files

LINK = re.compile(r"\[[^\]]*\]\(\s*<?([^)\s>]+)>?[^)]*\)|^\[[^\]]+\]:\s*(\S+)", re.MULTILINE)
HEADING = re.compile(r"^#+\s+(.*?)\s*#*$", re.MULTILINE)
FENCED = re.compile(r"^(```+).*?^\1", re.MULTILINE | re.DOTALL)
# Written in pieces: this file is looked through too.
FOREIGN = [
    re.compile(pattern)
    for pattern in (
        r"(?<![\w.])/" + r"work/",
        r"\.\./" + r"shared\b",
        r"\bpypi\." + r"org\b",
        r"\bfiles\.python" + r"hosted\.org\b",
        r"\bregistry\.npm" + r"js\.org\b",
        r"\bproxy\.golang" + r"\.org\b",
        r"\bcrates\." + r"io\b",
        r"\b(?:deb|ftp)\.debian" + r"\.org\b",
    )
]


def pages() -> list[Path]:
    at_the_top = [file for file in ROOT.glob("*.md") if file.is_file()]
    return sorted([*at_the_top, *(f for f in text_files("docs") if f.suffix == ".md")])


def links(page: Path) -> Iterator[str]:
    text = re.sub(r"`[^`\n]*`", "", FENCED.sub("", page.read_text("utf-8")))
    for inline, reference in LINK.findall(text):
        yield inline or reference


def anchors(page: Path) -> set[str]:
    """Return what can stand behind ``#``, by the rule that forges share."""
    text = FENCED.sub("", page.read_text("utf-8"))
    plain = (re.sub(r"[`*]|\[([^\]]*)\]\([^)]*\)", r"\1", h).lower() for h in HEADING.findall(text))
    return {re.sub(r"[^\w\- ]", "", heading).replace(" ", "-") for heading in plain}


@pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_relative_links_lead_somewhere(page):
    broken = []
    for link in links(page):
        if re.match(r"[a-z][a-z0-9+.-]*:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if (
            not target.exists()
            or not target.is_relative_to(ROOT)
            or (anchor and target.suffix == ".md" and anchor not in anchors(target))
        ):
            broken.append(link)
    assert broken == []


def test_nothing_names_the_workshop_or_a_registry():
    found = [
        f"{file.relative_to(ROOT)}:{number}: {line.strip()[:80]}"
        for file in text_files()
        for number, line in enumerate(file.read_text("utf-8", "replace").splitlines(), 1)
        if any(pattern.search(line) for pattern in FOREIGN)
    ]
    assert found == []
