# SPDX-License-Identifier: MIT
"""ENVELOPE, as the octets that go on the wire."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from homemail.message.address_list import ListedAddress, parse_addresses
from homemail.message.header import read_fields
from homemail.message.imap_string import imap_nstring

Fields = Mapping[bytes, Sequence[bytes]]


def envelope(header: bytes) -> bytes:
    """Return the ENVELOPE of the message with this header.

    Source: RFC 9051 §7.5.2.
    """
    return envelope_of(read_fields(header))


def envelope_of(fields: Fields) -> bytes:
    """Return the ENVELOPE of a message whose fields are read already.

    Of a field that should stand there once, the first counts; of To, Cc and Bcc, all.
    """
    sender = _first_addresses(fields, b"from")
    return b"(%b)" % b" ".join(
        (
            _text(fields, b"date"),
            _text(fields, b"subject"),
            sender,
            _first_addresses(fields, b"sender", sender),
            _first_addresses(fields, b"reply-to", sender),
            _all_addresses(fields, b"to"),
            _all_addresses(fields, b"cc"),
            _all_addresses(fields, b"bcc"),
            _text(fields, b"in-reply-to"),
            _text(fields, b"message-id"),
        )
    )


def _text(fields: Fields, name: bytes) -> bytes:
    bodies = fields.get(name)
    return imap_nstring(bodies[0]) if bodies else b"NIL"


def _first_addresses(fields: Fields, name: bytes, otherwise: bytes = b"NIL") -> bytes:
    bodies = fields.get(name)
    entries = parse_addresses(bodies[0]) if bodies else []
    return b"(%b)" % b"".join(map(_address, entries)) if entries else otherwise


def _all_addresses(fields: Fields, name: bytes) -> bytes:
    entries = [entry for body in fields.get(name, ()) for entry in parse_addresses(body)]
    return b"(%b)" % b"".join(map(_address, entries)) if entries else b"NIL"


def _address(entry: ListedAddress) -> bytes:
    return b"(%b)" % b" ".join(map(imap_nstring, entry))
