# SPDX-License-Identifier: MIT
"""What the index keeps of a message besides its content, worked out once, at delivery."""

from __future__ import annotations

import re
from dataclasses import dataclass
from mmap import mmap

from homemail.message.envelope import envelope_of
from homemail.message.header import HEADER_LIMIT, read_fields, split_message
from homemail.message.mime import scan
from homemail.message.structure import body_structure
from homemail.store import octets

_MESSAGE_ID = re.compile(rb"<[^<>\s]+>")


@dataclass(frozen=True, slots=True)
class Description:
    """Wire forms, the header with its empty line and CRLF, and the thread's digest.

    ``thread`` is empty where no field names one: such a message is a thread of its own.
    """

    header: bytes
    envelope: bytes
    body_structure: bytes
    thread: bytes


def describe(content: bytes | mmap) -> Description:
    """Return what is to be kept of a message; lines end in CRLF or LF."""
    header = bytes(content[: split_message(content)])
    fields = read_fields(header[:HEADER_LIMIT])
    root = thread_root(fields)
    return Description(
        octets.served(header),
        envelope_of(fields),
        body_structure(scan(content)),
        octets.hash_of(root) if root else b"",
    )


def thread_root(fields: dict[bytes, list[bytes]]) -> bytes:
    """Return the Message-ID at the root of the thread, or nothing.

    The first of References, else of In-Reply-To, else the message's own.
    """
    for name in (b"references", b"in-reply-to", b"message-id"):
        for body in fields.get(name, ()):
            found = _MESSAGE_ID.search(body)
            if found:
                return found[0]
    return b""
