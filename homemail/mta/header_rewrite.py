# SPDX-License-Identifier: MIT
"""Addresses in a header rewritten by the tables: in what is submitted, and in what goes out.

Names, comments and everything else in the fields stays octet for octet; so do fields that hold an
address which cannot be read.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from homemail.message.address_spans import address_spans, with_addresses
from homemail.message.header import HEADER_LIMIT, fields, split_message
from homemail.model.address import Address
from homemail.model.message import MessageContent, PrefixedContent, behind
from homemail.mta.addresses.rewrite import Rewriter

_SENDERS = frozenset(
    b"from sender reply-to errors-to return-receipt-to disposition-notification-to"
    b" resent-from resent-sender resent-reply-to".split()
)
_RECIPIENTS = frozenset(b"to cc bcc apparently-to resent-to resent-cc resent-bcc".split())

Rewrite = Callable[[Address], Awaitable[Address]]


async def rewrite_header(content: MessageContent, rewriter: Rewriter) -> MessageContent:
    """Return a submitted message with its header as canonical and masquerade want it.

    Raises:
        TableUnavailable: a table cannot be asked.
    """
    if not rewriter.changes_headers:
        return content
    changes = dict.fromkeys(_SENDERS, rewriter.header_sender)
    return await _rewritten(
        content, {**changes, **dict.fromkeys(_RECIPIENTS, rewriter.header_recipient)}
    )


async def rewrite_outgoing_header(content: MessageContent, rewriter: Rewriter) -> MessageContent:
    """Return a message with its header as ``smtp_generic_maps`` want it.

    Raises:
        TableUnavailable: a table cannot be asked.
    """
    return await _rewritten(content, dict.fromkeys(_SENDERS | _RECIPIENTS, rewriter.generic))


async def _rewritten(content: MessageContent, by_name: Mapping[bytes, Rewrite]) -> MessageContent:
    with content.open() as reader:
        head = reader.read(HEADER_LIMIT)
    end = split_message(head)
    header = head[:end]
    pieces: list[bytes] = []
    at = 0
    for field in fields(header):
        rewrite = by_name.get(field.name)
        if rewrite is None:
            continue
        body = header[field.body : field.end]
        pieces += (header[at : field.body], await _field(body, rewrite))
        at = field.end
    changed = b"".join([*pieces, header[at:]])
    return content if changed == header else PrefixedContent(changed, behind(content, end))


async def _field(body: bytes, rewrite: Rewrite) -> bytes:
    changes: dict[bytes, bytes] = {}
    for span in address_spans(body):
        try:
            address = Address.parse(span.text.decode())
        except ValueError:  # UnicodeDecodeError is one
            continue
        changed = await rewrite(address)
        if changed is not address and str(changed) != str(address):
            changes[span.text] = str(changed).encode()
    if not changes:
        return body
    return with_addresses(body, lambda text: changes.get(text, text))
