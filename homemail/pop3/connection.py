# SPDX-License-Identifier: MIT
"""The client's octets as commands and SASL responses, with limits. No IO.

Source: RFC 1939 §3, RFC 2449 §3.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from homemail.wire import LineTooLong, WireBuffer

COMMAND_OCTETS = 512  # RFC 2449 §4 asks for 255; long passwords and initial responses need more
RESPONSE_OCTETS = 16_384  # base64 of the 12,288 octets that RFC 4954 §4 gives to a response

_COMMAND = re.compile(rb"([A-Za-z][A-Za-z0-9]{0,15})(?: (.*))?", re.DOTALL)
_CONTROL = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class Command:
    """``keyword`` in capitals; ``argument`` is everything behind the first space, or None."""

    keyword: str
    argument: bytes | None = None


@dataclass(frozen=True, slots=True)
class Bad:
    """A line that is no command; ``text`` says why and is safe for the client."""

    text: str


class Connection:
    """What came and was not taken yet. ``None`` from a ``next_…``: more is needed."""

    def __init__(self) -> None:
        self._buffer = WireBuffer()

    def receive(self, data: bytes) -> None:
        """Take in octets of the client."""
        self._buffer.feed(data)

    def next_command(self) -> Command | Bad | None:
        """Return the next line as a command."""
        try:
            line = self._buffer.take_line(COMMAND_OCTETS - 2)
        except LineTooLong:
            return Bad("Line too long")
        return None if line is None else parse_command(line)

    def next_response(self) -> bytes | Bad | None:
        """Return the next line as a response within AUTH (RFC 5034 §4): base64, or ``*``."""
        try:
            return self._buffer.take_line(RESPONSE_OCTETS)
        except LineTooLong:
            return Bad("Line too long")

    def is_empty(self) -> bool:
        """Return whether nothing is left: else TLS may not begin (RFC 2595 §4)."""
        return not len(self._buffer)


def parse_command(line: bytes) -> Command | Bad:
    """Return the command in ``line``, which has no line end."""
    if _CONTROL.search(line):
        return Bad("Control character in a command")
    match = _COMMAND.fullmatch(line)
    if match is None:
        return Bad("Not a command")
    return Command(match[1].decode().upper(), match[2])


def parse_number(text: bytes) -> int | None:
    """Return the number in ``text``, None where it is none; above ten digits all are the same."""
    if not re.fullmatch(rb"[0-9]+", text):
        return None
    digits = text.lstrip(b"0")
    return int(digits or b"0") if len(digits) <= 10 else 10**10
