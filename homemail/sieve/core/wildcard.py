# SPDX-License-Identifier: MIT
"""Patterns of ``:matches``: ``*`` is any text, ``?`` one character (RFC 5228 §2.7.1).

Between two stars stands a piece of fixed length. Each piece is taken at the first place where it
fits behind the one before, the last one at the end. That is the shortest match for every star
from the left (RFC 5229 §3.2), and it is found without ever going back: no pattern is slow.
"""

from __future__ import annotations

import re

Span = tuple[int, int]

LONGEST_PATTERN = 8192
"""Characters; each piece is looked for in the whole text, so their number must have an end."""


class _Piece:
    """What stands between two stars: letters, and ``None`` for each ``?``."""

    __slots__ = ("_letters", "_pattern", "length", "literal")

    def __init__(self, letters: list[str | None]) -> None:
        self.length = len(letters)
        self.literal = None if None in letters else "".join(filter(None, letters))
        self._letters = letters
        self._pattern: re.Pattern[str] | None = None

    def find(self, text: str, at: int) -> int:
        """Return the first place from ``at`` on where the piece fits, or -1."""
        if self.literal is not None:
            return text.find(self.literal, at)
        found = self._compiled().search(text, at)
        return found.start() if found else -1

    def fits(self, text: str, at: int) -> bool:
        """Return whether the piece stands at ``at``."""
        if self.literal is not None:
            return text.startswith(self.literal, at)
        return self._compiled().match(text, at) is not None

    def wild(self, at: int) -> list[Span]:
        """Return the places of the ``?`` when the piece is at ``at``."""
        if self.literal is not None:
            return []
        return [(at + n, at + n + 1) for n, letter in enumerate(self._letters) if letter is None]

    def _compiled(self) -> re.Pattern[str]:
        if self._pattern is None:
            source = "".join("." if c is None else re.escape(c) for c in self._letters)
            self._pattern = re.compile(source, re.DOTALL)
        return self._pattern


class Wildcard:
    """One pattern.

    Raises:
        ValueError: it is longer than ``LONGEST_PATTERN``.
    """

    __slots__ = ("_pieces",)

    def __init__(self, pattern: str) -> None:
        if len(pattern) > LONGEST_PATTERN:
            raise ValueError(f"a pattern of more than {LONGEST_PATTERN} characters")
        self._pieces = [_Piece(letters) for letters in _split(pattern)]

    def match(self, text: str) -> list[Span] | None:
        """Return what each wildcard stands for, from left to right, or None."""
        first, *others = self._pieces
        if not first.fits(text, 0) or (not others and first.length != len(text)):
            return None
        spans = first.wild(0)
        at = first.length
        for piece in others:
            # The last piece has one place only: the end.
            end = len(text) - piece.length
            place = end if piece is others[-1] else piece.find(text, at)
            if place < at or (place == end and not piece.fits(text, place)):
                return None
            spans.append((at, place))
            spans += piece.wild(place)
            at = place + piece.length
        return spans


def _split(pattern: str) -> list[list[str | None]]:
    pieces: list[list[str | None]] = [[]]
    letters = iter(pattern)
    for letter in letters:
        if letter == "*":
            pieces.append([])
        elif letter == "?":
            pieces[-1].append(None)
        else:
            pieces[-1].append(next(letters, letter) if letter == "\\" else letter)
    return pieces
