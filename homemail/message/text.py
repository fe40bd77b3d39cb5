# SPDX-License-Identifier: MIT
"""The text of a message that a search looks at."""

from __future__ import annotations

from collections.abc import Iterator

from homemail.message.decode import decoded_text
from homemail.message.header import HEADER_LIMIT, Octets, fields, unfold
from homemail.message.mime import Part, Span
from homemail.message.words import decode_words


def header_text(header: bytes) -> str:
    """Return every field on a line of its own, unfolded and with its encoded words decoded."""
    return "".join(
        f"{field.name.decode('ascii')}: {decode_words(unfold(header[field.body : field.end]))}\n"
        for field in fields(header)
    )


def body_text(octets: Octets, root: Part) -> str:
    """Return the text of all text parts, and the headers of messages inside."""
    return "\n".join(_texts(octets, root))


def message_text(octets: Octets, root: Part) -> str:
    """Return header and body as text (SEARCH TEXT)."""
    return f"{header_text(_header(octets, root.header))}\n{body_text(octets, root)}"


def text_parts(root: Part) -> Iterator[Part]:
    """Yield every part of type text, in order."""
    if root.type == b"text":
        yield root
    for child in root.children:
        yield from text_parts(child)


def _texts(octets: Octets, part: Part) -> Iterator[str]:
    if part.type == b"text":
        yield decoded_text(octets, part)
    for child in part.children:
        if part.is_message:
            yield header_text(_header(octets, child.header))
        yield from _texts(octets, child)


def _header(octets: Octets, span: Span) -> bytes:
    return octets[span.start : min(span.end, span.start + HEADER_LIMIT)]
