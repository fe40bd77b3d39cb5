# SPDX-License-Identifier: MIT
r"""The keywords of one mailbox and the letters a-z that stand for them in file names.

A set of flags is one number while it is at work: a bit for each system flag, for ``$Forwarded``
(the Maildir letter P) and for each of the 26 keywords.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import lru_cache

from homemail.errors import Permanent, TooManyKeywords
from homemail.model.mailbox import (
    ANSWERED,
    DELETED,
    DRAFT,
    FLAGGED,
    SEEN,
    Flag,
    FlagChange,
    Flags,
)

FORWARDED = Flag("$Forwarded")

_FIXED = (("D", DRAFT), ("F", FLAGGED), ("P", FORWARDED), ("R", ANSWERED), ("S", SEEN))
_FIXED_ALL = (*_FIXED, ("T", DELETED))  # in the order of the letters, as file names want them
LETTERS = "abcdefghijklmnopqrstuvwxyz"
_BITS = {letter: 1 << place for place, letter in enumerate("DFPRST" + LETTERS)}
_FIXED_BITS = {flag: _BITS[letter] for letter, flag in _FIXED_ALL}

SEEN_BIT = _FIXED_BITS[SEEN]
DELETED_BIT = _FIXED_BITS[DELETED]

_KEYWORD = re.compile(r"[^\x00-\x20\x7f(){%*\"\\\]]{1,255}")


class Keywords:
    """Which keyword each letter stands for, in one mailbox."""

    __slots__ = ("_bits", "_cache", "by_letter")

    def __init__(self, by_letter: dict[str, Flag] | None = None) -> None:
        self.by_letter = dict(by_letter or {})
        self._cache: dict[int, Flags] = {}
        self._bits = _FIXED_BITS | {word: _BITS[a] for a, word in self.by_letter.items()}

    @property
    def has_room(self) -> bool:
        return len(self.by_letter) < len(LETTERS)

    @property
    def names(self) -> Flags:
        return frozenset((*self.by_letter.values(), FORWARDED))

    def with_all(self, flags: Iterable[Flag], in_use: Callable[[], int] = lambda: 0) -> Keywords:
        """Return these keywords and the new ones among ``flags``; itself if there are none.

        ``in_use`` are the bits that messages have: another program's letters are left alone.

        Raises:
            TooManyKeywords: there is no letter left.
            Permanent: a name that cannot be a keyword.
        """
        new = {flag: flag for flag in flags if not flag.is_system and flag not in self._bits}
        if not new:
            return self
        bits = in_use()
        free = [a for a in LETTERS if a not in self.by_letter and not bits & _BITS[a]]
        if len(new) > len(free):
            raise TooManyKeywords("The mailbox has no room for another keyword")
        for word in new:
            if not _KEYWORD.fullmatch(word):
                raise Permanent("That is not a keyword")
        return Keywords(self.by_letter | dict(zip(free, sorted(new), strict=False)))

    def to_bits(self, flags: Iterable[Flag]) -> int:
        """Return the number for ``flags``; what has no bit here is left out."""
        bits = 0
        for flag in flags:
            bits |= self._bits.get(flag, 0)
        return bits

    def to_flags(self, bits: int) -> Flags:
        known = self._cache.get(bits)
        if known is None:
            known = frozenset(flag for flag, bit in self._bits.items() if bits & bit)
            self._cache[bits] = known
        return known


@lru_cache(maxsize=1024)
def letters_of(bits: int) -> str:
    """Return the letters of a file name's ``:2,`` part for ``bits``, in ASCII order."""
    return "".join(letter for letter, bit in _BITS.items() if bits & bit)


@lru_cache(maxsize=1024)
def bits_of(letters: str) -> int:
    """Return the number for the letters of a ``:2,`` part; unknown ones are passed over."""
    bits = 0
    for letter in letters:
        bits |= _BITS.get(letter, 0)
    return bits


def changed_bits(old: int, change: FlagChange, bits: int) -> int:
    """Return what STORE makes of ``old``."""
    if change is FlagChange.ADD:
        return old | bits
    if change is FlagChange.REMOVE:
        return old & ~bits
    return bits
