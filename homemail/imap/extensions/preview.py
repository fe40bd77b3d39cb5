# SPDX-License-Identifier: MIT
"""PREVIEW: the first words of a message (RFC 8970 §3).

With LAZY only what is quickly at hand is told: the words of a message that is not large.
"""

from __future__ import annotations

from homemail.imap.extension import Extension
from homemail.imap.fetch_items import Item, MessageItem
from homemail.imap.grammar import Scanner
from homemail.imap.open_message import IN_MEMORY, OpenMessage
from homemail.message.imap_string import imap_string
from homemail.message.preview import preview


def _preview(message: OpenMessage) -> bytes:
    return imap_string(preview(message.octets(), message.part()).encode("utf-8", "replace"))


def _lazy(message: OpenMessage) -> bytes:
    return _preview(message) if message.content.size <= IN_MEMORY else b"NIL"


def _item(scanner: Scanner) -> Item:
    lazy = scanner.accept(b" (LAZY)")
    return MessageItem(b"PREVIEW", _lazy if lazy else _preview)


PREVIEW = Extension(capability=b"PREVIEW", fetch_items={b"PREVIEW": _item})
