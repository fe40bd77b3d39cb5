# SPDX-License-Identifier: MIT
"""Tables, colours and JSON on stdout: for a person at a terminal, or for a program in a pipe."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Iterable, Sequence
from typing import TextIO

_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f-\x9f]")
_STYLES = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33"}


def printable(text: str) -> str:
    """Return ``text`` without what could steer a terminal: much of what is shown is a peer's."""
    escaped = _CONTROL.sub(lambda match: f"\\x{ord(match[0]):02x}", text)
    return escaped.encode("utf-8", "backslashreplace").decode("utf-8")


def styled(text: str, style: str, stream: TextIO | None = None) -> str:
    """Return ``text`` in bold, dim or a colour where ``stream`` (stdout) is a colour terminal."""
    if not text or not _has_colours(stream or sys.stdout):
        return text
    return f"\x1b[{_STYLES[style]}m{text}\x1b[0m"


def _has_colours(stream: TextIO) -> bool:
    # An empty NO_COLOR does not count: https://no-color.org
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def print_table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print rows in columns under ``headings``; in a pipe without these, and with tabs between."""
    cells = [[printable(cell).replace("\t", " ") for cell in row] for row in rows]
    if not sys.stdout.isatty():
        for row in cells:
            print("\t".join(row))
        return
    if not cells:
        return
    widths = [max(map(len, column)) for column in zip(headings, *cells, strict=True)]
    print(styled(_columns(headings, widths), "bold"))
    for row in cells:
        print(_columns(row, widths))


def _columns(cells: Sequence[str], widths: Sequence[int]) -> str:
    padded = (cell.ljust(width) for cell, width in zip(cells, widths, strict=True))
    return "  ".join(padded).rstrip()


def print_json(value: object) -> None:
    """Print ``value`` as JSON that people can read too."""
    print(json.dumps(value, indent=2, ensure_ascii=False))
