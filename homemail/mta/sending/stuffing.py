# SPDX-License-Identifier: MIT
"""Dots at the start of lines doubled, and the final dot."""

from __future__ import annotations


class DotStuffer:
    """Prepares a message for DATA, in pieces cut anywhere.

    Source: RFC 5321 §4.5.2.
    """

    def __init__(self) -> None:
        self._tail = b"\r\n"  # the last two octets; a message begins at the start of a line

    def feed(self, piece: bytes) -> bytes:
        """Return ``piece`` as it goes on the wire."""
        joined = self._tail + piece
        if piece:
            self._tail = joined[-2:]
        # The tail stays in front, so that a line end cut in two is found.
        return joined.replace(b"\r\n.", b"\r\n..")[len(joined) - len(piece) :]

    def end(self) -> bytes:
        """Return what ends the message, with a line end where it lacks one."""
        return b".\r\n" if self._tail == b"\r\n" else b"\r\n.\r\n"
