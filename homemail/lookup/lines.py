# SPDX-License-Identifier: MIT
"""Logical lines of a table's text, as in Postfix.

Empty lines and lines whose first letter is ``#`` say nothing; a line that begins with a blank goes
on with the one above, over comments too.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field


@dataclass(slots=True)
class LogicalLine:
    """An entry: the ``number`` of its first line, and the lines that go on with it."""

    number: int
    text: str
    more: list[tuple[int, str]] = field(default_factory=list)

    @property
    def whole(self) -> str:
        return " ".join([self.text, *(text for _, text in self.more)])


@dataclass(frozen=True, slots=True)
class BadLine:
    """A line that is no part of an entry."""

    number: int
    text: str


def logical_lines(octets: bytes) -> Iterator[LogicalLine | BadLine]:
    """Yield the entries of a table, blanks around them taken off."""
    line: LogicalLine | None = None
    for number, raw in enumerate(octets.removeprefix(b"\xef\xbb\xbf").split(b"\n"), 1):
        stripped = raw.strip()
        if not stripped or stripped.startswith(b"#"):
            continue
        try:
            text = stripped.decode()
        except UnicodeDecodeError:
            yield BadLine(number, "octets that are not UTF-8")
            continue
        if "\0" in text:
            yield BadLine(number, "a NUL")
        elif raw[:1] not in (b" ", b"\t"):
            if line is not None:
                yield line
            line = LogicalLine(number, text)
        elif line is None:
            yield BadLine(number, "an indented line with no entry above that it goes on with")
        else:
            line.more.append((number, text))
    if line is not None:
        yield line
