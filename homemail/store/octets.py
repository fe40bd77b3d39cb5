# SPDX-License-Identifier: MIT
"""Line ends: CRLF on the wire, LF on disk; and the hash that names a content.

In what comes in, CRLF, a bare LF and a bare CR each count as one line end; NUL is refused.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator

from homemail.errors import BadContent

_CR = re.compile(rb"\r\n?")


def to_lf(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Yield ``pieces`` with LF line ends.

    Raises:
        BadContent: there is a NUL.
    """
    held = b""
    for piece in pieces:
        if b"\0" in piece:
            raise BadContent("A message cannot contain NUL")
        piece = held + piece
        held = b"\r" if piece.endswith(b"\r") else b""
        if held:
            piece = piece[:-1]
        yield _CR.sub(b"\n", piece) if b"\r" in piece else piece
    if held:
        yield b"\n"


def to_crlf(piece: bytes) -> bytes:
    """Return a piece that has LF line ends with CRLF ones."""
    return piece.replace(b"\n", b"\r\n")


def clean(piece: bytes) -> bytes:
    """Return a piece of a file, cut anywhere but inside a CRLF, with LF line ends.

    NUL, which only another program writes, becomes 0x80.
    """
    if b"\r" in piece:
        piece = piece.replace(b"\r\n", b"\n")
    return piece.replace(b"\0", b"\x80") if b"\0" in piece else piece


def served(piece: bytes) -> bytes:
    """Return a piece of a file, cut anywhere but inside a CRLF, as it goes on the wire."""
    return clean(piece).replace(b"\n", b"\r\n")


class Tally:
    """What is counted while a content with LF line ends passes by."""

    __slots__ = ("_hash", "lines", "octets")

    def __init__(self) -> None:
        self._hash = hashlib.sha256()
        self.lines = 0
        self.octets = 0

    def feed(self, piece: bytes) -> bytes:
        """Count ``piece`` and return it."""
        self._hash.update(piece)
        self.lines += piece.count(b"\n")
        self.octets += len(piece)
        return piece

    @property
    def wire_size(self) -> int:
        """Octets with CRLF line ends."""
        return self.octets + self.lines

    def digest(self) -> bytes:
        """Return the 16 octets that stand for the content (see ``hash_of``)."""
        return self._hash.digest()[:16]


def email_id(digest: bytes) -> str:
    """Return the EMAILID for a digest (RFC 8474 §5.1)."""
    return "e" + digest.hex()


def thread_id(digest: bytes) -> str:
    """Return the THREADID for a digest (RFC 8474 §5.2)."""
    return "t" + digest.hex()


def hash_of(octets: bytes) -> bytes:
    """Return 16 octets that stand for ``octets``."""
    return hashlib.sha256(octets).digest()[:16]
