# SPDX-License-Identifier: MIT
r"""The patterns of LIST and LSUB: ``*`` matches anything, ``%`` anything but the delimiter.

Matched as a set of places in the pattern, so that no pattern takes more than its length times the
name's, whatever stars it holds.
"""

from __future__ import annotations

from collections.abc import Iterable

DELIMITER = "/"


class Pattern:
    """One pattern, with its reference already in front."""

    def __init__(self, text: str) -> None:
        self._text = _fold_inbox(text)

    def matches(self, name: str) -> bool:
        if self._text == "*":
            return True
        places = self._open({0})
        for letter in name:
            places = self._open(self._step(places, letter))
            if not places:
                return False
        return len(self._text) in places

    def _open(self, places: set[int]) -> set[int]:
        """Add the places that a wildcard that matches nothing leads to."""
        text, result = self._text, set(places)
        for place in places:
            while place < len(text) and text[place] in "*%":
                place += 1
                result.add(place)
        return result

    def _step(self, places: Iterable[int], letter: str) -> set[int]:
        text, result = self._text, set()
        for place in places:
            if place == len(text):
                continue
            if text[place] == "*" or (text[place] == "%" and letter != DELIMITER):
                result.add(place)
            elif text[place] == letter:
                result.add(place + 1)
        return result


def _fold_inbox(text: str) -> str:
    first, slash, rest = text.partition(DELIMITER)
    return "INBOX" + slash + rest if first.upper() == "INBOX" else text


def parents(name: str) -> Iterable[str]:
    """Yield the names above ``name``, nearest first."""
    while DELIMITER in name:
        name = name.rpartition(DELIMITER)[0]
        yield name
