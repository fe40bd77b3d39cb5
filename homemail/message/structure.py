# SPDX-License-Identifier: MIT
"""BODYSTRUCTURE and BODY, as the octets that go on the wire."""

from __future__ import annotations

from homemail.message.imap_string import imap_nstring, imap_string
from homemail.message.mime import Disposition, Part
from homemail.message.parameters import Parameters


def body_structure(part: Part) -> bytes:
    """Return BODYSTRUCTURE: with extension data.

    Source: RFC 9051 §7.5.2.
    """
    return _structure(part, extended=True)


def body(part: Part) -> bytes:
    """Return BODY: without extension data.

    Source: RFC 9051 §7.5.2.
    """
    return _structure(part, extended=False)


def _structure(part: Part, extended: bool) -> bytes:
    if part.is_multipart:
        children = b"".join(_structure(child, extended) for child in part.children)
        extension = [_parameters(part.parameters), *_common_extension(part)] if extended else []
        return b"(%b %b)" % (children, b" ".join([imap_string(part.subtype), *extension]))
    items = [
        imap_string(part.type),
        imap_string(part.subtype),
        _parameters(part.parameters),
        imap_nstring(part.id),
        imap_nstring(part.description),
        imap_string(part.encoding),
        b"%d" % part.size,
    ]
    if part.is_message:
        items += [part.envelope, _structure(part.children[0], extended), b"%d" % part.lines]
    elif part.type == b"text":
        items.append(b"%d" % part.lines)
    if extended:
        items += [imap_nstring(part.md5), *_common_extension(part)]
    return b"(%b)" % b" ".join(items)


def _common_extension(part: Part) -> list[bytes]:
    return [
        _disposition(part.disposition),
        _language(part.language),
        imap_nstring(part.location),
    ]


def _parameters(parameters: Parameters) -> bytes:
    if not parameters:
        return b"NIL"
    return b"(%b)" % b" ".join(imap_string(word) for pair in parameters for word in pair)


def _disposition(disposition: Disposition | None) -> bytes:
    if disposition is None:
        return b"NIL"
    return b"(%b %b)" % (imap_string(disposition.kind), _parameters(disposition.parameters))


def _language(language: tuple[bytes, ...]) -> bytes:
    if len(language) < 2:
        return imap_nstring(language[0] if language else None)
    return b"(%b)" % b" ".join(map(imap_string, language))
