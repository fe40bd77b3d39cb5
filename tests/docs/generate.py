# SPDX-License-Identifier: MIT
"""The documents that are made from the program: ``python -m tests.docs.generate``.

A test compares them with what is in the work tree; ``make docs`` writes them anew.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from homemail.cli.commands import build_parser
from homemail.cli.page import Page, man_page, markdown
from homemail.cli.parser import Parser
from homemail.config import manual
from tests.docs.tree import ROOT


def documents() -> dict[str, str]:
    """Return the text of each document by its path below the root of the work tree."""
    pages = list(command_pages(build_parser()))
    return {
        "docs/settings.md": manual.markdown(),
        "docs/commands.md": markdown(pages),
        "docs/man/homemail.1": man_page(pages),
        "contrib/homemail.toml": manual.sample(),
    }


def command_pages(parser: Parser) -> Iterator[Page]:
    """Yield the page of a command, then those of the commands below it."""
    yield parser.page()
    for below in parser.commands.values():
        yield from command_pages(below)


def write(root: Path) -> None:
    """Write every document below ``root``."""
    for path, text in documents().items():
        file = root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, "utf-8")


if __name__ == "__main__":
    write(ROOT)
