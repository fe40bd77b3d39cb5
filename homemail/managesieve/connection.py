# SPDX-License-Identifier: MIT
"""The client's octets as commands and SASL responses, with limits. No IO.

A command is a word and its arguments: numbers, quoted strings, and literals, which are counted
octets behind ``{n+}`` at the end of a line. A literal above the limit is thrown away as it comes
and the command answered all the same, so that the two sides stay in step.

Source: RFC 5804 §4.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from homemail.wire import LineTooLong, WireBuffer

LINE_OCTETS = 16_384
"""A quoted string has at most 1024 octets (RFC 5804 §4); clients send longer SASL responses."""

LARGEST_NUMBER = 2**32 - 1
_MOST_ITEMS = 10

_LITERAL = re.compile(rb"\{([0-9]{1,10})\+?\}\Z")
_ITEM = re.compile(
    rb'[ \t]*+(?:"((?:[^"\\\x00]|\\["\\])*+)"|([0-9]{1,10})|([A-Za-z][A-Za-z0-9_-]{0,63}+))'
    rb"(?=[ \t]|\Z)"
)


@dataclass(frozen=True, slots=True)
class Command:
    """``keyword`` in capitals, and what stands behind it."""

    keyword: str
    arguments: tuple[bytes | int, ...] = ()


@dataclass(frozen=True, slots=True)
class Bad:
    """A command that cannot be understood; ``text`` says why and is safe for the client.

    ``code`` is a response code (RFC 5804 §1.3). ``fatal``: going on makes no sense.
    """

    text: str
    code: str = ""
    fatal: bool = False


@dataclass(frozen=True, slots=True)
class _Word:
    octets: bytes


_Item = _Word | bytes | int


class Connection:
    """What came and was not taken yet. ``None`` from a ``next_…``: more is needed.

    ``literal_octets`` is the size of the largest literal that is taken.
    """

    def __init__(self, literal_octets: int) -> None:
        self.literal_octets = literal_octets
        self._buffer = WireBuffer()
        self._items: list[_Item] = []
        self._bad: Bad | None = None
        self._literal = 0  # octets of a literal that are still to come
        self._in_literal = False
        self._discarding = False

    def receive(self, data: bytes) -> None:
        """Take in octets of the client."""
        self._buffer.feed(data)

    def is_empty(self) -> bool:
        """Return whether nothing is left: else TLS may not begin."""
        return not len(self._buffer)

    def next_command(self) -> Command | Bad | None:
        """Return the next command."""
        items = self._next_items()
        if items is None or isinstance(items, Bad):
            return items
        match items:
            case [_Word(octets), *arguments]:
                plain = tuple(item for item in arguments if not isinstance(item, _Word))
                if len(plain) == len(arguments):
                    return Command(octets.decode("ascii").upper(), plain)
        return Bad("Not a command")

    def next_response(self) -> bytes | Bad | None:
        """Return the next string, which stands on a line by itself, within AUTHENTICATE."""
        items = self._next_items()
        if items is None or isinstance(items, Bad):
            return items
        match items:
            case [bytes() as response]:
                return response
        return Bad("Expected one string")

    def _next_items(self) -> list[_Item] | Bad | None:
        """Return the items up to the end of the line that no literal follows."""
        while self._take_literal():
            try:
                line = self._buffer.take_line(LINE_OCTETS)
            except LineTooLong:
                self._bad = Bad("Line too long", fatal=True)
                return self._finish()
            if line is None:
                return None
            literal = _LITERAL.search(line)
            self._read_items(line[: literal.start()] if literal else line)
            if literal is None:
                return self._finish()
            self._begin_literal(int(literal[1]))
            if self._bad is not None and self._bad.fatal:
                return self._finish()
        return None

    def _finish(self) -> list[_Item] | Bad:
        items, bad = self._items, self._bad
        self._items, self._bad = [], None
        return items if bad is None else bad

    def _read_items(self, line: bytes) -> None:
        at, end = 0, len(line.rstrip(b" \t"))
        while at < end and self._bad is None:
            found = _ITEM.match(line, at)
            if found is None or len(self._items) >= _MOST_ITEMS:
                self._bad = Bad("Not a command")
                return
            at = found.end()
            quoted, number, word = found.groups()
            if quoted is not None:
                self._items.append(re.sub(rb"\\(.)", rb"\1", quoted))
            elif number is not None:
                self._items.append(int(number))
            else:
                self._items.append(_Word(word))

    def _begin_literal(self, octets: int) -> None:
        self._literal, self._in_literal = octets, True
        self._discarding = octets > self.literal_octets or self._bad is not None
        if octets > LARGEST_NUMBER:
            self._bad = Bad("Literal too large", fatal=True)
        elif octets > self.literal_octets:
            self._bad = Bad(f"At most {self.literal_octets} octets, please", "QUOTA/MAXSIZE")

    def _take_literal(self) -> bool:
        """Return whether no literal stands in the way of the next line."""
        if not self._in_literal:
            return True
        if self._discarding:
            self._literal -= len(self._buffer.take_some(self._literal))
            if self._literal:
                return False
        else:
            block = self._buffer.take(self._literal)
            if block is None:
                return False
            self._items.append(block)
        self._in_literal = False
        return True
