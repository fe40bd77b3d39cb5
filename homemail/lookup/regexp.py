# SPDX-License-Identifier: MIT
r"""``regexp:FILE`` and ``pcre:FILE``: regular expressions.

``/pattern/flags result``; any mark that is neither letter, digit nor blank may stand for ``/``.
Upper and lower case are the same unless the flag ``i`` says otherwise: as in Postfix, a flag turns
the default round. ``/one/!/other/ result`` fits where the one does and the other does not.

A stranger writes the keys, so no pattern may take long: those of ``regexp:`` run on an automaton
whose work grows with the key's length alone. So do most of ``pcre:``. Those that no automaton can
do (look-around, back-references, ``\b``, possessive repetitions) run on ``re`` over the first
letters of the key, and one that repeats what repeats is refused, because a short key could keep
it busy for ever.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from homemail.lookup.rules import Pattern, RuleTable
from homemail.regex import Regex

LONGEST_FOR_RE = 1000
"""Letters of a key that a pattern of Perl's kind sees."""

_POSIX_CLASSES = {
    "[:alpha:]": "a-zA-Z",
    "[:digit:]": "0-9",
    "[:alnum:]": "a-zA-Z0-9",
    "[:upper:]": "A-Z",
    "[:lower:]": "a-z",
    "[:space:]": r"\s",
    "[:blank:]": r" \t",
    "[:punct:]": r"!-/:-@\[-`{-~",
    "[:xdigit:]": "0-9A-Fa-f",
    "[:print:]": " -~",
    "[:cntrl:]": r"\x00-\x1f\x7f",
}
_PIECE = re.compile(
    r"\\.|\[\^?\]?(?:\[:[a-z]+:\]|\\.|[^\]\\])*\]|\(\?>|\(|\)|[*+?]|\{\d*,?\d*\}|.", re.DOTALL
)
_GNU_CLASSES = {  # outside of brackets, as the C library has them and so Postfix
    r"\w": "[[:alnum:]_]",
    r"\W": "[^[:alnum:]_]",
    r"\s": "[[:space:]]",
    r"\S": "[^[:space:]]",
}


def open_regexp(name: str, path: Path) -> RuleTable:
    """Return the table of extended regular expressions at ``path``."""
    return RuleTable(name, path, lambda text: _read(text, _regexp))


def open_pcre(name: str, path: Path) -> RuleTable:
    """Return the table of Perl's regular expressions at ``path``."""
    return RuleTable(name, path, lambda text: _read(text, _pcre))


@dataclass(frozen=True, slots=True)
class _But:
    """Fits where ``first`` does and ``second`` does not."""

    first: Pattern
    second: Pattern

    @property
    def groups(self) -> int:
        return self.first.groups

    def concerns(self, key: str) -> bool:
        return True

    def match(self, key: str) -> Sequence[str] | None:
        found = self.first.match(key)
        return None if found is None or self.second.match(key) is not None else found


class _Bounded:
    """A pattern on the automaton."""

    def __init__(self, pattern: str, *, ignore_case: bool, perl: bool = False) -> None:
        self._regex = Regex(pattern, ignore_case=ignore_case, perl=perl)
        self._ignore_case = ignore_case
        self.groups = len(self._regex.groups("", _free)) - 1

    def concerns(self, key: str) -> bool:
        return True

    def match(self, key: str) -> Sequence[str] | None:
        text = _lower(key) if self._ignore_case else key
        if not self._regex.matches(text, _free):
            return None
        if not self.groups:
            return (key,)
        return [key[low:high] for low, high in self._regex.groups(text, _free)]


class _Perl:
    """A pattern on ``re``."""

    def __init__(self, pattern: str, flags: int) -> None:
        self._pattern = re.compile(pattern, flags)
        self.groups = self._pattern.groups

    def concerns(self, key: str) -> bool:
        return True

    def match(self, key: str) -> Sequence[str] | None:
        found = self._pattern.search(key[:LONGEST_FOR_RE])
        return None if found is None else [found[0], *(group or "" for group in found.groups())]


def _free(work: int) -> None:
    """The automaton's work is linear; nobody counts it."""


def _lower(key: str) -> str:
    """Return ``key`` with its ASCII letters small, each letter in its place."""
    return key.lower() if key.isascii() else key.translate(_SMALL)


_SMALL = {ord(letter): letter.lower() for letter in "ABCDEFGHIJKLMNOPQRSTUVWXYZ"}


def _read(text: str, make: Callable[[str, str], Pattern]) -> tuple[Pattern, str]:
    """Return the pattern that a line begins with, and what follows it."""
    pattern, flags, rest = _delimited(text)
    first = make(pattern, flags)
    if rest.startswith("!"):
        pattern, flags, rest = _delimited(rest[1:])
        return _But(first, make(pattern, flags)), rest
    return first, rest


def _delimited(text: str) -> tuple[str, str, str]:
    """Return pattern, flags and rest of ``/pattern/flags rest``."""
    mark = text[:1]
    if not mark or mark.isalnum() or mark.isspace():
        raise ValueError(f'expected "/pattern/ result", got "{text[:40]}"')
    at = 1
    while at < len(text) and text[at] != mark:
        at += 2 if text[at] == "\\" else 1
    if at >= len(text):
        raise ValueError(f'no closing "{mark}" behind the pattern')
    flags = re.match(r"[A-Za-z]*", text[at + 1 :])
    word = flags[0] if flags else ""
    pattern = text[1:at]  # a backslash before the mark is the expression's own
    rest = text[at + 1 + len(word) :]
    if rest and not rest.startswith(("!", " ", "\t")):
        raise ValueError(f'expected a blank behind "{mark}{word}", got "{rest[:20]}"')
    return pattern, word, rest


def _regexp(pattern: str, flags: str) -> Pattern:
    ignore_case = True
    for flag in flags:
        if flag == "i":
            ignore_case = not ignore_case
        else:
            raise ValueError(f'unknown flag "{flag}"; there is only "i" (upper case counts)')
    pieces = (_GNU_CLASSES.get(piece, piece) for piece in _PIECE.findall(pattern))
    return _Bounded("".join(pieces), ignore_case=ignore_case)


_FLAGS = {"i": re.IGNORECASE, "m": re.MULTILINE, "s": re.DOTALL, "x": re.VERBOSE}


def _pcre(pattern: str, flags: str) -> Pattern:
    active = int(re.IGNORECASE | re.DOTALL)
    anchored = False
    for flag in flags:
        if flag in _FLAGS:
            active ^= int(_FLAGS[flag])
        elif flag == "A":
            anchored = not anchored
        elif flag != "E":  # the end of the key is the end of the text always
            raise ValueError(f'unknown flag "{flag}"; there are i, m, s, x, A and E')
    if anchored:
        pattern = rf"\A(?:{pattern})"
    if active & int(re.DOTALL) and not active & int(re.MULTILINE | re.VERBOSE):
        try:
            return _Bounded(pattern, ignore_case=bool(active & int(re.IGNORECASE)), perl=True)
        except ValueError:
            pass  # it may be for re, or wrong
    for name, letters in _POSIX_CLASSES.items():
        pattern = pattern.replace(name, letters)
    pattern = pattern.replace(r"\z", r"\Z")
    _refuse_explosive(pattern)
    try:
        return _Perl(pattern, active)
    except (re.error, OverflowError, RecursionError) as error:
        raise ValueError(f"not a regular expression: {error}") from None


def _refuse_explosive(pattern: str) -> None:
    """Refuse a group that is repeated without end and holds repetitions or alternatives itself.

    Such a pattern can take a time that doubles with each letter. An atomic group is safe.
    """
    stack: list[bool] = [False]
    closed: bool | None = None  # whether the group that ended just now could do so
    pieces = _PIECE.findall(pattern)
    for number, piece in enumerate(pieces):
        endless = piece in ("*", "+") or re.fullmatch(r"\{\d*,\}", piece) is not None
        if endless and closed and pieces[number + 1 : number + 2] != ["+"]:
            raise ValueError(
                "a repeated group that repeats or chooses inside could take for ever; "
                "an atomic group (?>...) or a possessive repetition is safe"
            )
        was, closed = closed, None
        if piece in ("(", "(?>"):
            stack.append(False)
        elif piece == ")" and len(stack) > 1:
            closed = stack.pop()
            stack[-1] = stack[-1] or closed
        elif endless or piece == "|" or (was and piece == "?"):
            stack[-1] = True
