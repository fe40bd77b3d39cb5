# SPDX-License-Identifier: MIT
"""BINARY: parts of a message without their transfer encoding; APPEND takes literal8.

A message with NUL octets is not kept here (``commands.append``, RFC 3516 §4.4).

Source: RFC 3516 §4, RFC 9051 §6.4.5.
"""

from __future__ import annotations

from homemail.imap.extension import Extension
from homemail.imap.fetch_items import Item, MessageItem, parse_numbers, parse_partial
from homemail.imap.grammar import Scanner
from homemail.imap.open_message import OpenMessage, UnknownEncoding
from homemail.imap.response import Refusal, literal, no

Numbers = tuple[int, ...]


def _decoded(message: OpenMessage, numbers: Numbers) -> bytes | None:
    try:
        return message.decoded(numbers)
    except UnknownEncoding:
        raise Refusal(no("The encoding of a part is unknown", b"UNKNOWN-CTE")) from None


def _content(scanner: Scanner, *, peek: bool) -> Item:
    numbers = _section(scanner)
    partial = parse_partial(scanner)

    def value(message: OpenMessage) -> bytes:
        octets = _decoded(message, numbers)
        if octets is None:
            return b"NIL"
        told = literal(octets if partial is None else octets[partial[0] : sum(partial)])
        return b"~" + told if b"\0" in told else told  # a literal8

    label = _label(b"BINARY", numbers) + (b"<%d>" % partial[0] if partial else b"")
    return MessageItem(label, value, is_part=partial is not None, sets_seen=not peek)


def _size(scanner: Scanner) -> Item:
    numbers = _section(scanner)
    label = _label(b"BINARY.SIZE", numbers)
    # The client asks for the part next.
    return MessageItem(label, lambda m: b"%d" % len(_decoded(m, numbers) or b""), is_part=True)


def _section(scanner: Scanner) -> Numbers:
    scanner.expect(b"[")
    numbers = parse_numbers(scanner)
    scanner.expect(b"]")
    return numbers


def _label(word: bytes, numbers: Numbers) -> bytes:
    return b"%b[%b]" % (word, ".".join(map(str, numbers)).encode("ascii"))


BINARY = Extension(
    capability=b"BINARY",
    fetch_items={
        b"BINARY": lambda scanner: _content(scanner, peek=False),
        b"BINARY.PEEK": lambda scanner: _content(scanner, peek=True),
        b"BINARY.SIZE": _size,
    },
)
