# SPDX-License-Identifier: MIT
"""Parts encoded anew: binary ones for any mailbox, 8-bit ones for hosts that take 7 bits."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator

from homemail.message.header import Octets, fields
from homemail.message.mime import Part, scan

_NAME = b"content-transfer-encoding"
_AS_IT_IS = (b"7bit", b"8bit", b"binary")
_CR = 13
_LINE = 57  # octets that make a line of 76 letters (RFC 2045 §6.8)
_AT_ONCE = _LINE * 4096


def to_text(octets: Octets) -> Iterator[bytes]:
    """Yield the message with every binary part in base64, piece by piece; the rest as it is.

    A multipart or a message that is called binary because of its parts is called 8bit.

    Source: RFC 3030 §3, RFC 2045 §6.2.
    """
    yield from _with(octets, _changes(octets, scan(octets)))


def to_seven_bit(octets: Octets) -> Iterator[bytes]:
    """Yield the message with every part beyond ASCII encoded, piece by piece; the rest as it is.

    Text is made quoted-printable, so that it stays readable; the rest base64. What a header holds
    beyond ASCII stays: nobody can say what it means.

    Source: RFC 6152 §3, RFC 2045 §6.
    """
    yield from _with(octets, _seven_bit_changes(octets, scan(octets)))


_Change = tuple[int, int, Iterator[bytes]]


def _with(octets: Octets, changes: Iterator[_Change]) -> Iterator[bytes]:
    at = 0
    for start, end, piece in changes:
        yield from _slices(octets, at, start)
        yield from piece
        at = end
    yield from _slices(octets, at, len(octets))


def _changes(octets: Octets, part: Part) -> Iterator[_Change]:
    """Yield what to put in place of which range, in order."""
    is_leaf = not part.children
    if part.encoding == b"binary":
        yield from _renamed(octets, part, b"base64" if is_leaf else b"8bit")
    for child in part.children:
        yield from _changes(octets, child)
    if is_leaf and part.encoding == b"binary":
        yield part.body.start, part.body.end, _encoded(octets, part.body.start, part.body.end)


def _seven_bit_changes(octets: Octets, part: Part) -> Iterator[_Change]:
    if part.children:
        if part.encoding in (b"8bit", b"binary"):
            yield from _renamed(octets, part, b"7bit")
        for child in part.children:
            yield from _seven_bit_changes(octets, child)
        return
    start, end = part.body
    if part.encoding not in _AS_IT_IS or _is_ascii(octets, start, end):
        return
    is_text = part.type == b"text"
    encoding = b"quoted-printable" if is_text else b"base64"
    renamed = list(_renamed(octets, part, encoding))
    if not renamed:
        before = part.header.end - (2 if octets[part.header.end - 2] == _CR else 1)
        field = b"Content-Transfer-Encoding: " + encoding + b"\r\n"
        renamed = [(before, before, iter((field,)))]
    yield from renamed
    yield start, end, (_quoted if is_text else _encoded)(octets, start, end)


def _is_ascii(octets: Octets, start: int, end: int) -> bool:
    return all(piece.isascii() for piece in _slices(octets, start, end))


def _quoted(octets: Octets, start: int, end: int) -> Iterator[bytes]:
    lines = bytes(octets[start:end]).split(b"\r\n")
    for number, line in enumerate(lines):
        # Its own line ends are LF; CR and LF in the line are encoded, as it is no text to it.
        text = binascii.b2a_qp(line, istext=False).replace(b"=\n", b"=\r\n")
        yield text if number == 0 else b"\r\n" + text


def _renamed(octets: Octets, part: Part, encoding: bytes) -> Iterator[_Change]:
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
