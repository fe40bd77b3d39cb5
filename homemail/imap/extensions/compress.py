# SPDX-License-Identifier: MIT
"""COMPRESS=DEFLATE: from the answer on, both directions are compressed (RFC 4978 §3)."""

from __future__ import annotations

from dataclasses import dataclass

from homemail.imap.extension import Extension
from homemail.imap.grammar import Scanner, SyntaxTrouble
from homemail.imap.response import Tagged, no, ok
from homemail.imap.session import Session


@dataclass(frozen=True, slots=True)
class Compress:
    """COMPRESS."""


async def _compress(session: Session, command: Compress) -> Tagged:
    if session.dialogue.is_compressed:
        return no("The connection is compressed already", b"COMPRESSIONACTIVE")
    session.dialogue.must_be_empty("COMPRESS")
    session.then = session.dialogue.compress
    return ok("Compression begins now")


def _parse(scanner: Scanner) -> Compress:
    scanner.space()
    if scanner.word() != b"DEFLATE":
        raise SyntaxTrouble("Expected DEFLATE")
    return Compress()


COMPRESS = Extension(
    capability=b"COMPRESS=DEFLATE",
    grammar={b"COMPRESS": _parse},
    handlers={Compress: _compress},
)
