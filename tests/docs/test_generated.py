# SPDX-License-Identifier: MIT
"""The documents made from the program are those in the tree, and nothing lacks in them."""

from __future__ import annotations

import pytest

from homemail.cli.commands import build_parser
from homemail.config.settings import known_settings
from tests.docs.generate import command_pages, documents
from tests.docs.tree import ROOT


@pytest.mark.parametrize("path", sorted(documents()))
def test_is_current(path):
    file = ROOT / path
    assert file.exists(), f'{path} is missing; "make docs" writes it'
    if file.read_text("utf-8") != documents()[path]:
        pytest.fail(f'{path} is not what the program says now; "make docs" writes it anew')


def test_every_setting_has_a_heading():
    lines = (ROOT / "docs/settings.md").read_text("utf-8").splitlines()
    assert [name for name in known_settings() if f"### {name}" not in lines] == []


def test_every_command_has_a_heading():
    lines = (ROOT / "docs/commands.md").read_text("utf-8").splitlines()
    pages = command_pages(build_parser())
    assert [page.program for page in pages if f"## {page.program}" not in lines] == []


@pytest.mark.parametrize("page", list(command_pages(build_parser())), ids=lambda page: page.program)
def test_every_command_says_what_it_is_and_how_it_is_used(page):
    assert page.summary
    assert page.examples
    assert all("homemail" in example for example in page.examples)
    assert all(help_text for _, rows in page.sections() for _, help_text in rows)
