# SPDX-License-Identifier: MIT
"""What submission mends in a message (RFC 6409 §8), and no other door does.

Date, Message-ID and From are added where they lack, Bcc is taken out, addresses without a domain
get ``myorigin``. The body is not touched.
"""

from __future__ import annotations

import re
from datetime import datetime
from email.utils import format_datetime

from homemail.errors import MessageTooBig
from homemail.message.address_spans import with_addresses
from homemail.message.header import HEADER_LIMIT, fields, split_message
from homemail.model.address import Domain, ReversePath
from homemail.model.envelope import TraceId
from homemail.model.message import MessageContent, PrefixedContent, behind

_HIDDEN = frozenset({b"bcc", b"resent-bcc"})
_ADDRESSES = frozenset({b"from", b"sender", b"reply-to", b"to", b"cc"})
_NO_BARE_NAME = re.compile(rb'[@"\s]')
_FIRST_FIELD = re.compile(rb"[!-9;-~]+[ \t]*:")


def mend(
    content: MessageContent,
    *,
    reverse_path: ReversePath,
    origin: Domain,
    hostname: str,
    trace: TraceId,
    at: datetime,
) -> MessageContent:
    """Return the message with what it lacked.

    Raises:
        MessageTooBig: its header is longer than 1 MB.
    """
    with content.open() as reader:
        head = reader.read(HEADER_LIMIT)
    end = split_message(head) if _FIRST_FIELD.match(head) else 0
    if end == HEADER_LIMIT and content.size > HEADER_LIMIT:
        raise MessageTooBig("The header is too long")
    header = head[:end]
    mended, names = _mend_fields(header, origin)
    added = b""
    if b"date" not in names:
        added += b"Date: " + format_datetime(at).encode() + b"\r\n"
    if b"message-id" not in names:
        added += f"Message-ID: <{trace}@{hostname}>\r\n".encode()
    if b"from" not in names and reverse_path is not None:
        added += f"From: <{reverse_path}>\r\n".encode()
    if not end:  # no header at all: the first line is already the body
        mended = b"" if head.startswith(b"\r\n") else b"\r\n"
    if mended == header:
        return PrefixedContent(added, content) if added else content
    return PrefixedContent(added + mended, behind(content, end))


def _mend_fields(header: bytes, origin: Domain) -> tuple[bytes, set[bytes]]:
    """Return the header as it goes on, and the names of its fields."""
    names: set[bytes] = set()
    pieces: list[bytes] = []
    at = 0
    for field in fields(header):
        names.add(field.name)
        if field.name in _HIDDEN:
            pieces.append(header[at : field.start])
            at = field.end
        elif field.name in _ADDRESSES:
            body = qualify(header[field.body : field.end], origin)
            pieces.append(header[at : field.body] + body)
            at = field.end
    pieces.append(header[at:])
    return b"".join(pieces), names


def qualify(body: bytes, origin: Domain) -> bytes:
    """Return an address field's body with ``origin`` put behind every local part that has none.

    Everything else stays octet for octet.
    """
    domain = b"@" + origin.name.encode()

    def qualified(address: bytes) -> bytes:
        return address if _NO_BARE_NAME.search(address) else address + domain

    return with_addresses(body, qualified)
