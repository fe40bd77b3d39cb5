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


class Digest:
    """The EMAILID of a content that passes by: a hash of its octets with LF line ends."""

    __slots__ = ("_hash",)

    def __init__(self) -> None:
        self._hash = hashlib.sha256()

    def feed(self, piece: bytes) -> None:
        self._hash.update(piece)

    def value(self) -> bytes:
        """Return 16 octets."""
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
