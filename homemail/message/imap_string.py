# SPDX-License-Identifier: MIT
"""Strings as IMAP writes them: NIL, quoted, or a literal."""

from __future__ import annotations

import re

_PLAIN = re.compile(rb'[^\0\r\n"\\\x80-\xff]{0,1000}')
_QUOTABLE = re.compile(rb"[^\0\r\n\x80-\xff]{0,1000}")


def imap_string(octets: bytes) -> bytes:
    """Return ``octets`` as a quoted string, or as a literal where quoting cannot carry them.

    A NUL, which neither can carry, becomes 0x80.

    Source: RFC 9051 §4.3.
    """
    if _PLAIN.fullmatch(octets):
        return b'"' + octets + b'"'
    if _QUOTABLE.fullmatch(octets):
        return b'"' + octets.replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'"'
    octets = octets.replace(b"\0", b"\x80")
    return b"{%d}\r\n%b" % (len(octets), octets)


def imap_nstring(octets: bytes | None) -> bytes:
    """Return ``octets`` as a string, or NIL for None."""
    return b"NIL" if octets is None else imap_string(octets)
