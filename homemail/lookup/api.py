# SPDX-License-Identifier: MIT
"""The contract of tables: a key in, a value out.

*Absent* is ``None``. *Cannot tell* raises ``TableUnavailable``: whoever asked defers the mail, for
a broken table must never refuse it.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


class Found(str):
    """The value of a key. ``where`` is the file and line that decided, or the table's name.

    ``trusted``: nobody but root and we could have written it, and no part of the key is in it; only
    then may it name programs and files.
    """

    __slots__ = ("trusted", "where")

    where: str
    trusted: bool

    def __new__(cls, text: str, where: str = "", *, trusted: bool = False) -> Found:
        found = super().__new__(cls, text)
        found.where = where
        found.trusted = trusted
        return found


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with a table. ``line`` 0: the whole. ``lost``: an entry does not count."""

    text: str
    file: Path | None = None
    line: int = 0
    lost: bool = True

    def __str__(self) -> str:
        if self.file is None:
            return self.text
        return f"{self.file}:{self.line}: {self.text}" if self.line else f"{self.file}: {self.text}"


class Table(Protocol):
    """A table. Keys compare case-folded, but in ``regexp:`` and ``pcre:``, which have a flag.

    ``is_pattern``: a key is compared as a whole with each pattern, so that nobody asks for parts of
    an address, as with the other tables.
    """

    @property
    def name(self) -> str:
        """What the settings call it: ``hash:/etc/homemail/aliases``."""

    @property
    def is_pattern(self) -> bool: ...

    async def lookup(self, key: str) -> Found | None:
        """Return the value of ``key``, or None where there is none.

        Raises:
            TableUnavailable: the table cannot be asked.
        """

    async def problems(self) -> Sequence[Problem]:
        """Return what is wrong with the table as it is now."""

    def close(self) -> None:
        """Give up what the table holds open."""


def fold(key: str) -> str:
    """Return the form in which keys compare."""
    return key.lower() if key.isascii() else unicodedata.normalize("NFC", key).casefold()
