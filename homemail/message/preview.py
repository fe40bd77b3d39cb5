# SPDX-License-Identifier: MIT
"""The first words that a person would read in a message."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator

from homemail.message.charset import decode_charset
from homemail.message.decode import decode_transfer
from homemail.message.header import Octets
from homemail.message.mime import Part
from homemail.message.parameters import decoded_parameter
from homemail.message.text import text_parts

LONGEST = 200
"""Characters of a preview (RFC 8970 §3.3)."""

_LOOKED_AT = 64 * 1024
"""Octets of a part that are read: above the first words there may be much markup."""

_HIDDEN = re.compile(
    r"<!--.*?(?:-->|\Z)|<(style|script|head|title)\b.*?(?:</\1\s*>|\Z)", re.IGNORECASE | re.DOTALL
)
_TAG = re.compile(r"<[^<>]*>|<[^<>]*\Z")
_SPACE = re.compile("[\\s\u00ad\u034f\u200b-\u200f\u2060\ufeff\x00-\x1f\x7f-\x9f]+")
_MARKS = re.compile(
    r"^(?:>.*|.{0,200}\b(?:wrote|schrieb|a \u00e9crit)[ \t]*:)[ \t]*$", re.MULTILINE
)
_SIGNATURE = re.compile(r"^-- ?$", re.MULTILINE)


def preview(octets: Octets, root: Part) -> str:
    """Return at most ``LONGEST`` characters on one line; empty where the message has no text.

    Plain text is preferred; of it what is quoted, and the signature, is passed over.

    Source: RFC 8970 §3.3.
    """
    for text in _candidates(octets, root):
        words = _SPACE.sub(" ", text).strip()
        if words:
            return words[:LONGEST].rstrip()
    return ""


def _candidates(octets: Octets, root: Part) -> Iterator[str]:
    parts = [part for part in text_parts(root) if not _is_attached(part)]
    for part in sorted(parts, key=lambda part: part.subtype != b"plain"):
        text = _start(octets, part)
        if part.subtype == b"html":
            yield html.unescape(_TAG.sub(" ", _HIDDEN.sub(" ", text)))
        else:
            yield _MARKS.sub("", _SIGNATURE.split(text, maxsplit=1)[0])
            yield text


def _is_attached(part: Part) -> bool:
    return part.disposition is not None and part.disposition.kind.lower() == b"attachment"


def _start(octets: Octets, part: Part) -> str:
    start, end = part.body
    raw = octets[start : min(end, start + _LOOKED_AT)]
    body = decode_transfer(raw, part.encoding)
    charset = decoded_parameter(part.parameters, b"charset") or ""
    if charset.lower() == "us-ascii":
        charset = ""
    text = decode_charset(raw if body is None else body, charset.encode("ascii", "replace"))
    return text.replace("\r\n", "\n")
