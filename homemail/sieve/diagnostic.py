# SPDX-License-Identifier: MIT
"""What is wrong with a script, and where: line and column, several at once."""

from __future__ import annotations

import bisect
import difflib
from collections.abc import Iterable
from dataclasses import dataclass

MOST_ERRORS = 20
"""A person mends the first few; a script of rubbish must not cost more than its reading."""


@dataclass(frozen=True, slots=True, order=True)
class ScriptError:
    """One thing that is wrong. Lines and columns (in characters) count from 1."""

    line: int
    column: int
    text: str

    def __str__(self) -> str:
        return f"line {self.line}, column {self.column}: {self.text}"


@dataclass(frozen=True, slots=True)
class ScriptErrors:
    """Why a script cannot be used: at least one error, in order of place."""

    errors: tuple[ScriptError, ...]

    def __str__(self) -> str:
        return "\n".join(str(error) for error in self.errors)


class Wrong(Exception):
    """Gives up the command that is being read; ``at`` is an offset in the script's text."""

    def __init__(self, at: int, text: str) -> None:
        super().__init__(text)
        self.at = at
        self.text = text


class Problems:
    """Gathers what is wrong with one script."""

    def __init__(self, text: str) -> None:
        self._starts = [0]
        self._starts += [at + 1 for at, letter in enumerate(text) if letter == "\n"]
        self._found: list[ScriptError] = []
        self._remarks: list[ScriptError] = []

    def __bool__(self) -> bool:
        return bool(self._found)

    @property
    def full(self) -> bool:
        return len(self._found) >= MOST_ERRORS

    def place(self, at: int) -> tuple[int, int]:
        """Return line and column of an offset."""
        line = bisect.bisect_right(self._starts, at)
        return line, at - self._starts[line - 1] + 1

    def add(self, at: int, text: str) -> None:
        """Note one error, unless there are enough already."""
        error = ScriptError(*self.place(at), text)
        if not self.full and error not in self._found:
            self._found.append(error)

    def warn(self, at: int, text: str) -> None:
        """Note what is allowed but hardly meant, unless there is enough of it already."""
        if len(self._remarks) < MOST_ERRORS:
            self._remarks.append(ScriptError(*self.place(at), text))

    def note(self, wrong: Wrong) -> None:
        """Note the error that ended a command."""
        self.add(wrong.at, wrong.text)

    def warnings(self) -> tuple[ScriptError, ...]:
        """Return all remarks."""
        return tuple(sorted(self._remarks))

    def errors(self) -> ScriptErrors:
        """Return all that was found."""
        return ScriptErrors(tuple(sorted(self._found)))


def did_you_mean(word: str, known: Iterable[str], mark: str = "") -> str:
    """Return ``; did you mean "x"?`` for the nearest of ``known``, or nothing."""
    near = difflib.get_close_matches(word[:60].lower(), list(known), n=1, cutoff=0.7)
    return f'; did you mean "{mark}{near[0]}"?' if near else ""
