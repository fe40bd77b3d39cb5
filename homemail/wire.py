# SPDX-License-Identifier: MIT
"""CRLF lines and counted blocks out of a stream, with limits. No IO."""

from __future__ import annotations


class LineTooLong(Exception):
    """More octets than allowed came without a line end; they were thrown away up to it."""


class BareLineFeed(Exception):
    """A line ended in LF alone; it was taken and thrown away."""


class WireBuffer:
    """Octets that came and were not taken yet.

    Each octet is looked at once, however small the pieces are.
    """

    __slots__ = ("_buffer", "_discarding", "_searched")

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._searched = 0
        self._discarding = False

    def __len__(self) -> int:
        return len(self._buffer)

    def feed(self, data: bytes) -> None:
        self._buffer += data

    def take_line(self, limit: int, *, strict: bool = False) -> bytes | None:
        """Return the next line without its line end, or None when it is not whole yet.

        Lines end in CRLF; a bare LF is taken for one too, as clients are, unless ``strict``; a CR
        elsewhere is kept.

        Raises:
            BareLineFeed: the line ended in LF alone, and ``strict``.
            LineTooLong: once for every line above ``limit`` octets, when its end has come; what
                came of it meanwhile is not held in memory.
        """
        end = self._buffer.find(b"\n", self._searched)
        if end < 0:
            if len(self._buffer) > limit + 1:
                self._discarding = True
                del self._buffer[:-1]
            self._searched = len(self._buffer)
            return None
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 1]
        self._searched = 0
        is_bare = not line.endswith(b"\r")
        if not is_bare:
            line = line[:-1]
        if self._discarding or len(line) > limit:
            self._discarding = False
            raise LineTooLong
        if strict and is_bare:
            raise BareLineFeed
        return line

    def take(self, size: int) -> bytes | None:
        """Return exactly ``size`` octets, or None when they are not all here yet."""
        if len(self._buffer) < size:
            return None
        return self.take_some(size)

    def take_some(self, size: int) -> bytes:
        """Return what is here, at most ``size`` octets; may be empty."""
        block = bytes(self._buffer[:size])
        del self._buffer[: len(block)]
        self._searched = 0
        return block

    def peek(self, size: int) -> bytes:
        """Return what is here, at most ``size`` octets, and keep it."""
        return bytes(self._buffer[:size])

    def clear(self) -> bytes:
        """Return everything that is left, and forget it."""
        rest = bytes(self._buffer)
        self._buffer.clear()
        self._searched = 0
        return rest
