# SPDX-License-Identifier: MIT
"""Encoded words (RFC 2047)."""

from __future__ import annotations

import binascii
import re

from homemail.message.charset import decode_charset

_WORD = re.compile(rb"=\?([^?\s]{1,80})\?([bBqQ])\?([^?\r\n]*+)\?=")
_NOT_BASE64 = bytes(
    set(range(256)) - set(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")
)


def decode_words(body: bytes) -> str:
    """Return the text of an unfolded field body, its encoded words decoded.

    Broken words stay as they are. White space between two words goes; octets of neighbours with
    one charset are put together first, as a character may be cut between them.

    Source: RFC 2047 §6.2.
    """
    if b"=?" not in body:
        return decode_charset(body, b"")
    pieces: list[str] = []
    held, charset, at = b"", b"", 0
    for found in _WORD.finditer(body):
        octets = _word_octets(found[2], found[3])
        if octets is None:
            continue
        between = body[at : found.start()]
        word_charset = found[1].partition(b"*")[0].lower()  # RFC 2231 §5: charset*language
        if between.strip() or word_charset != charset or at == 0:
            pieces.append(decode_charset(held, charset))
            held, charset = b"", word_charset
            if between.strip() or at == 0:
                pieces.append(decode_charset(between, b""))
        held += octets
        at = found.end()
    pieces += [decode_charset(held, charset), decode_charset(body[at:], b"")]
    return "".join(pieces)


def _word_octets(encoding: bytes, text: bytes) -> bytes | None:
    if encoding in b"qQ":
        return binascii.a2b_qp(text.replace(b"_", b" "), header=True)
    digits = text.translate(None, _NOT_BASE64)
    if len(digits) % 4 == 1 or len(text) - len(digits) > 8:
        return None
    return binascii.a2b_base64(digits + b"=" * (-len(digits) % 4))
