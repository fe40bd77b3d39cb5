# SPDX-License-Identifier: MIT
"""The octets of DATA and BDAT as they come: dots unstuffed, line ends checked. No IO.

Invariants:

* Only ``CRLF . CRLF`` ends DATA, wherever the pieces are cut (the first dot may stand at once).
* A bare LF, a bare CR or a NUL anywhere makes the message bad; it is still read to its true end,
  so that nothing of it is ever taken for a command (SMTP smuggling, CVE-2023-51764).
"""

from __future__ import annotations

from enum import Enum

_END = b"\r\n.\r\n"
_BORDERS = tuple(_END[:length] for length in range(len(_END) - 1, 0, -1))


class Flaw(Enum):
    """Why the octets cannot be a message, the worst first; the value is what the client is told."""

    BARE_LF = "bare <LF> received"
    BARE_CR = "bare <CR> received"
    NUL = "NUL received"


def find_flaw(piece: bytes) -> Flaw | None:
    """Return what is wrong with ``piece``, which is not cut inside a CRLF.

    Source: RFC 5321 §2.3.8.
    """
    pairs, feeds, returns = piece.count(b"\r\n"), piece.count(b"\n"), piece.count(b"\r")
    if feeds != pairs:
        return Flaw.BARE_LF
    if returns != pairs:
        return Flaw.BARE_CR
    return Flaw.NUL if b"\0" in piece else None


def _worse(one: Flaw | None, other: Flaw | None) -> Flaw | None:
    """Return the worse of two, so that the reply does not depend on where pieces were cut."""
    return next((flaw for flaw in Flaw if flaw in (one, other)), None)


class DataDecoder:
    """Takes what follows ``354`` and gives back the message.

    Source: RFC 5321 §4.5.2.
    """

    __slots__ = ("_at_start", "_held", "finished", "flaw", "rest")

    def __init__(self) -> None:
        self._held = b"\r\n"  # the end of the DATA line: a dot may follow at once
        self._at_start = True
        self.finished = False
        self.flaw: Flaw | None = None
        self.rest = b""
        """What came behind the final dot."""

    def feed(self, data: bytes) -> bytes:
        """Return the next octets of the message; empty while they may be part of its end."""
        block = self._held + data
        end = block.find(_END)
        if end >= 0:
            self.finished = True
            self.rest = block[end + len(_END) :]
            self._held = b""
            piece = block[: end + 2]
        else:
            self._held = next((border for border in _BORDERS if block.endswith(border)), b"")
            piece = block[: len(block) - len(self._held)]
        if not piece:
            return b""
        self.flaw = _worse(self.flaw, find_flaw(piece))
        piece = piece.replace(b"\r\n.", b"\r\n")
        if self._at_start:
            self._at_start = False
            piece = piece[2:]
        return piece


class ChunkChecker:
    """Takes the octets of every BDAT of a message; a chunk may be cut anywhere.

    Source: RFC 3030 §2.
    """

    __slots__ = ("_ends_in_crlf", "_held", "flaw")

    def __init__(self) -> None:
        self._held = b""
        self._ends_in_crlf = True
        self.flaw: Flaw | None = None

    def feed(self, data: bytes) -> bytes:
        """Return the next octets of the message."""
        block = self._held + data
        self._held = b"\r" if block.endswith(b"\r") else b""
        return self._check(block[: len(block) - len(self._held)])

    def finish(self) -> bytes:
        """Return what is left, with the last line ended as text lines are."""
        left = self._check(self._held)
        self._held = b""
        return left if self._ends_in_crlf else left + b"\r\n"

    def _check(self, piece: bytes) -> bytes:
        if piece:
            self.flaw = _worse(self.flaw, find_flaw(piece))
            self._ends_in_crlf = piece.endswith(b"\r\n")
        return piece
