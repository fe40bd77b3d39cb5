# SPDX-License-Identifier: MIT
"""ID: who the client is and who we are (RFC 2971 §3)."""

from __future__ import annotations

from homemail.imap.grammar import Scanner, SyntaxTrouble

MOST_FIELDS = 30


def parse_id(scanner: Scanner) -> dict[str, str]:
    """Return what the client says of itself; NIL values are left out."""
    scanner.space()
    if scanner.accept(b"NIL"):
        return {}
    words = scanner.parenthesized(lambda: _nstring(scanner), empty=True)
    if len(words) % 2 or len(words) > 2 * MOST_FIELDS:
        raise SyntaxTrouble("Expected at most 30 pairs of field and value")
    pairs = zip(words[::2], words[1::2], strict=True)
    return {field: value for field, value in pairs if field is not None and value is not None}


def _nstring(scanner: Scanner) -> str | None:
    if scanner.accept(b"NIL"):
        return None
    return scanner.string().decode("utf-8", "replace")[:1024]


def server_id() -> bytes:
    """Return our own ID: the name, not the version, which is of use to attackers only."""
    return b'* ID ("name" "homemail")\r\n'
