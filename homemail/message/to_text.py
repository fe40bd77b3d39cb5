# SPDX-License-Identifier: MIT
"""Binary parts made base64, so that any mailbox and any next host can keep the message."""

from __future__ import annotations

import base64
from collections.abc import Iterator

from homemail.message.header import Octets, fields
from homemail.message.mime import Part, scan

_NAME = b"content-transfer-encoding"
_LINE = 57  # octets that make a line of 76 letters (RFC 2045 §6.8)
_AT_ONCE = _LINE * 4096


def to_text(octets: Octets) -> Iterator[bytes]:
    """Yield the message with every binary part in base64, piece by piece; the rest as it is.

    A multipart or a message that is called binary because of its parts is called 8bit.

    Source: RFC 3030 §3, RFC 2045 §6.2.
    """
    at = 0
    for start, end, piece in _changes(octets, scan(octets)):
        yield from _slices(octets, at, start)
        yield from piece
        at = end
    yield from _slices(octets, at, len(octets))


def _changes(octets: Octets, part: Part) -> Iterator[tuple[int, int, Iterator[bytes]]]:
    """Yield what to put in place of which range, in order."""
    is_leaf = not part.children
    if part.encoding == b"binary":
        yield from _renamed(octets, part, b"base64" if is_leaf else b"8bit")
    for child in part.children:
        yield from _changes(octets, child)
    if is_leaf and part.encoding == b"binary":
        yield part.body.start, part.body.end, _encoded(octets, part.body.start, part.body.end)


def _renamed(
    octets: Octets, part: Part, encoding: bytes
) -> Iterator[tuple[int, int, Iterator[bytes]]]:
    base = part.header.start
    header = bytes(octets[base : part.header.end])
    for field in fields(header):
        if field.name == _NAME:
            new = b"Content-Transfer-Encoding: " + encoding + b"\r\n"
            yield base + field.start, base + field.end, iter((new,))


def _encoded(octets: Octets, start: int, end: int) -> Iterator[bytes]:
    for at in range(start, end, _AT_ONCE):
        block = bytes(octets[at : min(end, at + _AT_ONCE)])
        lines = (block[first : first + _LINE] for first in range(0, len(block), _LINE))
        yield b"\r\n".join(base64.b64encode(line) for line in lines)
        if at + _AT_ONCE < end:
            yield b"\r\n"


def _slices(octets: Octets, start: int, end: int) -> Iterator[bytes]:
    for at in range(start, end, _AT_ONCE):
        yield bytes(octets[at : min(end, at + _AT_ONCE)])
