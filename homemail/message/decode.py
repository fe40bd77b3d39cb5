# SPDX-License-Identifier: MIT
"""Content-transfer-encodings off, charsets into text."""

from __future__ import annotations

import binascii
import re

from homemail.message.charset import decode_charset
from homemail.message.header import Octets
from homemail.message.mime import Part
from homemail.message.parameters import decoded_parameter

_IDENTITY = (b"7bit", b"8bit", b"binary", b"")
_NOT_BASE64 = bytes(
    set(range(256)) - set(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=")
)
_BLANKS_AT_END = re.compile(rb"(?<![ \t])[ \t]++(?=\r?\n|\Z)")


def decode_transfer(body: bytes, encoding: bytes) -> bytes | None:
    """Return the octets that ``body`` encodes, or None for an unknown encoding.

    What is broken is read as far as it goes.

    Source: RFC 2045 §6.
    """
    encoding = encoding.strip().lower()
    if encoding in _IDENTITY:
        return body
    if encoding == b"base64":
        return _decode_base64(body)
    if encoding == b"quoted-printable":
        return binascii.a2b_qp(_BLANKS_AT_END.sub(b"", body))
    return None


def _decode_base64(body: bytes) -> bytes:
    """Decode up to the first padding; an incomplete last group yields its whole octets."""
    digits = body.translate(None, _NOT_BASE64).partition(b"=")[0]
    if len(digits) % 4 == 1:
        digits = digits[:-1]
    return binascii.a2b_base64(digits + b"=" * (-len(digits) % 4))


def decoded_octets(octets: Octets, part: Part) -> bytes | None:
    """Return a part's body decoded, or None for an unknown encoding."""
    return decode_transfer(octets[part.body.start : part.body.end], part.encoding)


def decoded_text(octets: Octets, part: Part) -> str:
    """Return a part's body as text; an unknown encoding is taken for none."""
    body = decoded_octets(octets, part)
    if body is None:
        body = octets[part.body.start : part.body.end]
    charset = decoded_parameter(part.parameters, b"charset") or ""
    if charset.lower() == "us-ascii" and not body.isascii():
        charset = ""  # nobody means it: see what the octets are
    return decode_charset(body, charset.encode("ascii", "replace"))
