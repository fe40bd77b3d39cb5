# SPDX-License-Identifier: MIT
"""``text:FILE``, also ``hash:``, ``btree:``, ``texthash:`` and ``dbm:``: keys and values in a text.

Two forms: that of most tables, ``key value``, where a key with blanks stands in double quotes; and
that of alias tables, ``name: value``. docs/formats/tables.md has both. Nothing is compiled: where
Postfix would read ``FILE.db``, the text itself is read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from enum import Enum
from functools import partial
from pathlib import Path

from homemail.lookup.api import Found, Problem, fold
from homemail.lookup.lines import BadLine, LogicalLine, logical_lines
from homemail.lookup.watched_table import WatchedContent


class Form(Enum):
    """How an entry is written."""

    MAP = "key value"
    ALIASES = "name: value"


_MAP = re.compile(r'(?:"((?:[^"\\]|\\.)*+)"|(\S+))(?:\s+(.*))?', re.DOTALL)
# The repeated groups are not possessive: Python before 3.11.5 forgets to go back where one fails
# half-way.
_ALIAS = re.compile(
    r'(?:"((?:[^"\\]|\\.)*)"|([^:\s"]++(?:\s++[^:\s"]++)*))\s*+:(?:\s*+(.*))?', re.DOTALL
)
_LOOKS_LIKE_ALIAS = re.compile(r'[\w.+-]+\s*:(?!include:|\S*//)(?:\s|$)|"[^"]+"\s*:\s')
_LOOKS_LIKE_ENTRY = re.compile(r"(?:\S+@\S*|@\S+|\.?[\w-]+(?:\.[\w-]+)+)\s+\S+")


class TextTable:
    """A table in a text file."""

    is_pattern = False

    def __init__(self, name: str, path: Path, form: Form) -> None:
        self.name = name
        self._entries = WatchedContent(path, partial(read_text, form=form))

    async def lookup(self, key: str) -> Found | None:
        return self._entries.current().get(fold(key))

    async def problems(self) -> Sequence[Problem]:
        return self._entries.problems()

    def entries(self) -> Mapping[str, Found]:
        """Return every entry by its folded key; raises ``TableUnavailable``."""
        return self._entries.current()

    def close(self) -> None:
        """Nothing is held open."""


def read_text(
    octets: bytes, path: Path, trusted: bool, *, form: Form
) -> tuple[dict[str, Found], list[Problem]]:
    """Return the entries in a text, and what is wrong with it. The first of two keys counts."""
    entries: dict[str, Found] = {}
    lines: dict[str, int] = {}
    problems: list[Problem] = []
    for line in logical_lines(octets):
        if isinstance(line, BadLine):
            problems.append(Problem(line.text, path, line.number))
            continue
        problems += _swallowed(line, path, form)
        try:
            key, value = _entry(line.whole, form)
        except ValueError as error:
            problems.append(Problem(str(error), path, line.number))
            continue
        if key in entries:
            text = f'"{key}" is in line {lines[key]} already, which counts'
            problems.append(Problem(text, path, line.number))
            continue
        lines[key] = line.number
        entries[key] = Found(value, f"{path}:{line.number}", trusted=trusted)
    return entries, problems


def _entry(text: str, form: Form) -> tuple[str, str]:
    match = (_ALIAS if form is Form.ALIASES else _MAP).fullmatch(text)
    if not match:
        raise ValueError(f'expected "{form.value}", got "{text[:60]}"')
    quoted, plain, value = match.groups()
    key = " ".join(plain.split()) if quoted is None else re.sub(r"\\(.)", r"\1", quoted)
    if form is Form.MAP and key.endswith(":") and quoted is None:
        raise ValueError(f'expected "key value", got "{text[:60]}"; is this a table of aliases?')
    if not value:
        raise ValueError(f'expected "{form.value}", got "{key}" without a value')
    return fold(key), value


def _swallowed(line: LogicalLine, path: Path, form: Form) -> Iterator[Problem]:
    """Yield a warning for each indented line that looks like an entry of its own."""
    before = line.text
    for number, text in line.more:
        looks = _LOOKS_LIKE_ALIAS if form is Form.ALIASES else _LOOKS_LIKE_ENTRY
        if looks.match(text) and not before.endswith(","):
            word = text.split()[0]
            yield Problem(
                f'"{word}" is indented, so it goes on with the entry in line {line.number}; '
                "an entry of its own begins at the start of the line",
                path,
                number,
                lost=False,
            )
        before = text
