# SPDX-License-Identifier: MIT
r"""Regular expressions as trees: POSIX extended ones (IEEE 1003.1, chapter 9), and Perl's.

Of Perl's there is what an automaton can do: classes such as ``\d``, groups without a number, lazy
repetitions. Look-around, back-references and the like are refused.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

MOST_REPEATS = 255  # RE_DUP_MAX of POSIX
DEEPEST_NESTING = 30
LONGEST_PATTERN = 2000


@dataclass(frozen=True, slots=True)
class Letters:
    """One character out of ranges and classes, or out of all others."""

    ranges: tuple[tuple[str, str], ...]
    classes: tuple[Callable[[str], bool], ...] = ()
    negated: bool = False

    def has(self, letter: str) -> bool:
        found = any(low <= letter <= high for low, high in self.ranges)
        return (found or any(known(letter) for known in self.classes)) is not self.negated


ANY = Letters((), negated=True)


@dataclass(frozen=True, slots=True)
class Start:
    """The beginning of the text."""


@dataclass(frozen=True, slots=True)
class End:
    """The end of the text."""


@dataclass(frozen=True, slots=True)
class Sequence:
    """One after another."""

    nodes: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Choice:
    """One of several; the first that leads to a match wins."""

    nodes: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Repeat:
    """From ``least`` to ``most`` times (None: any number), as often as possible, or as seldom."""

    node: Node
    least: int
    most: int | None
    lazy: bool = False


@dataclass(frozen=True, slots=True)
class Group:
    """Parentheses; numbered from 1."""

    node: Node
    number: int


Node = Letters | Start | End | Sequence | Choice | Repeat | Group

_CLASSES: dict[str, Callable[[str], bool]] = {
    "alpha": str.isalpha,
    "digit": lambda letter: letter in "0123456789",
    "alnum": lambda letter: letter.isalpha() or letter in "0123456789",
    "upper": str.isupper,
    "lower": str.islower,
    "space": lambda letter: letter in " \t\r\n\v\f",
    "blank": lambda letter: letter in " \t",
    "punct": lambda letter: "!" <= letter <= "~" and not letter.isalnum(),
    "print": str.isprintable,
    "graph": lambda letter: letter.isprintable() and letter != " ",
    "cntrl": lambda letter: letter < " " or letter == "\x7f",
    "xdigit": lambda letter: letter in "0123456789abcdefABCDEF",
}
_PERL_CLASSES: dict[str, Callable[[str], bool]] = {
    "d": _CLASSES["digit"],
    "D": lambda letter: letter not in "0123456789",
    "w": lambda letter: letter == "_" or (letter.isascii() and letter.isalnum()),
    "W": lambda letter: letter != "_" and not (letter.isascii() and letter.isalnum()),
    "s": _CLASSES["space"],
    "S": lambda letter: letter not in " \t\r\n\v\f",
    "h": _CLASSES["blank"],
}
_PERL_LETTERS = {"t": "\t", "n": "\n", "r": "\r", "f": "\f", "v": "\v", "e": "\x1b", "a": "\a"}
_INTERVAL = re.compile(r"\{([0-9]{0,4})(,?)([0-9]{0,4})\}")


def parse(pattern: str, *, perl: bool = False) -> tuple[Node, int]:
    """Return the tree of ``pattern`` and how many groups it has.

    Raises:
        ValueError: it is not an extended regular expression (with ``perl``, not one of Perl's that
            an automaton can do), or too large.
    """
    if len(pattern) > LONGEST_PATTERN:
        raise ValueError(f"a regular expression of more than {LONGEST_PATTERN} characters")
    parser = _PerlParser(pattern) if perl else _Parser(pattern)
    node = parser.choice(0)
    if parser.rest():
        raise ValueError('a ")" without its "("')
    return node, parser.groups


class _Parser:
    def __init__(self, pattern: str) -> None:
        self._pattern = pattern
        self._at = 0
        self.groups = 0

    def rest(self) -> str:
        return self._pattern[self._at :]

    def _see(self) -> str:
        return self._pattern[self._at : self._at + 1]

    def _take(self) -> str:
        letter = self._see()
        self._at += 1
        return letter

    def choice(self, depth: int) -> Node:
        if depth > DEEPEST_NESTING:
            raise ValueError("a regular expression nested too deeply")
        found = [self._sequence(depth)]
        while self._see() == "|":
            self._take()
            found.append(self._sequence(depth))
        return found[0] if len(found) == 1 else Choice(tuple(found))

    def _sequence(self, depth: int) -> Node:
        found: list[Node] = []
        while self._see() not in ("", "|", ")"):
            found.append(self._repeated(self._atom(depth)))
        return Sequence(tuple(found))

    def _atom(self, depth: int) -> Node:
        letter = self._take()
        match letter:
            case "(":
                self.groups += 1
                number = self.groups
                inner = self.choice(depth + 1)
                if self._take() != ")":
                    raise ValueError('a "(" without its ")"')
                return Group(inner, number)
            case "[":
                return self._bracket()
            case ".":
                return ANY
            case "^":
                return Start()
            case "$":
                return End()
            case "*" | "+" | "?" | "{":
                raise ValueError(f'nothing in front of "{letter}" to repeat')
            case "\\":
                return self._escaped()
        return Letters(((letter, letter),))

    def _escaped(self) -> Node:
        letter = self._take()
        if not letter or letter.isalnum():
            raise ValueError(f'"\\{letter}" has no meaning in a regular expression')
        return Letters(((letter, letter),))

    def _repeated(self, node: Node) -> Node:
        while self._see() in ("*", "+", "?", "{") and self._see():
            if self._see() == "{":
                least, most = self._interval()
            else:
                least, most = {"*": (0, None), "+": (1, None), "?": (0, 1)}[self._take()]
            node = Repeat(node, least, most)
        return node

    def _interval(self) -> tuple[int, int | None]:
        found = _INTERVAL.match(self._pattern, self._at)
        if found is None or not (found[1] or found[3]):
            raise ValueError('a "{" that begins no number of repetitions')
        self._at = found.end()
        least = int(found[1] or 0)
        most = least if not found[2] else int(found[3]) if found[3] else None
        if max(least, most or 0) > MOST_REPEATS or (most is not None and most < least):
            raise ValueError(f"repetitions go from 0 to {MOST_REPEATS}, the smaller number first")
        return least, most

    def _bracket(self) -> Letters:
        negated = self._see() == "^"
        if negated:
            self._take()
        ranges: list[tuple[str, str]] = []
        classes: list[Callable[[str], bool]] = []
        first = True
        while first or self._see() != "]":
            first = False
            if self.rest().startswith(("[.", "[=")):
                raise ValueError("collating elements are not supported")
            if self._begins_class():
                classes.append(self._class())
            else:
                ranges.append(self._range())
        self._take()
        return Letters(tuple(ranges), tuple(classes), negated)

    def _begins_class(self) -> bool:
        return self.rest().startswith("[:")

    def _bracket_letter(self) -> str:
        return self._take()

    def _class(self) -> Callable[[str], bool]:
        found = re.match(r"\[:([a-z]+):\]", self.rest())
        if found is None or found[1] not in _CLASSES:
            raise ValueError("an unknown class of characters in brackets")
        self._at += found.end()
        return _CLASSES[found[1]]

    def _range(self) -> tuple[str, str]:
        low = self._bracket_letter()
        high = low
        if self._see() == "-" and self.rest()[1:2] not in ("]", ""):
            self._take()
            high = self._bracket_letter()
        if not low or not high or high < low:
            raise ValueError('a "[" without its "]", or a range that runs backwards')
        return low, high


class _PerlParser(_Parser):
    def _atom(self, depth: int) -> Node:
        if self.rest().startswith("(?:"):
            self._at += 3
            inner = self.choice(depth + 1)
            if self._take() != ")":
                raise ValueError('a "(" without its ")"')
            return inner
        if self.rest().startswith(("(?", "(*")):
            raise ValueError("a kind of group that no automaton can do")
        if self._see() == "{" and not _INTERVAL.match(self._pattern, self._at):
            self._take()
            return Letters((("{", "{"),))
        return super()._atom(depth)

    def _repeated(self, node: Node) -> Node:
        if self._see() == "{" and not _INTERVAL.match(self._pattern, self._at):
            return node
        before = self._at
        if not self._see() or self._see() not in "*+?{":
            return node
        if self._see() == "{":
            least, most = self._interval()
        else:
            least, most = {"*": (0, None), "+": (1, None), "?": (0, 1)}[self._take()]
        if self._see() and self._see() in "*+{" and self._at > before:
            raise ValueError("a repetition that keeps what it took")
        lazy = self._see() == "?"
        if lazy:
            self._take()
        return Repeat(node, least, most, lazy)

    def _escaped(self) -> Node:
        if self._see() and self._see() in "AzZ":
            return Start() if self._take() == "A" else End()
        known = _PERL_CLASSES.get(self._see())
        if known is not None:
            self._take()
            return Letters((), (known,))
        letter = self._letter()
        return Letters(((letter, letter),))

    def _letter(self) -> str:
        """Return the letter behind a backslash."""
        letter = self._take()
        if letter in _PERL_LETTERS:
            return _PERL_LETTERS[letter]
        code = re.match(r"[0-9A-Fa-f]{2}", self.rest()) if letter == "x" else None
        if code:
            self._at += 2
            return chr(int(code[0], 16))
        if not letter or letter.isalnum():
            raise ValueError(f'"\\{letter}" is nothing that an automaton can do')
        return letter

    def _class(self) -> Callable[[str], bool]:
        if self.rest().startswith("[:"):
            return super()._class()
        self._take()
        return _PERL_CLASSES[self._take()]

    def _begins_class(self) -> bool:
        rest = self.rest()
        return super()._begins_class() or (rest[:1] == "\\" and rest[1:2] in _PERL_CLASSES)

    def _bracket_letter(self) -> str:
        letter = self._take()
        return self._letter() if letter == "\\" else letter
