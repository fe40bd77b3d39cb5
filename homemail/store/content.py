# SPDX-License-Identifier: MIT
"""The content of a file with LF line ends, served with CRLF, a piece at a time."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from typing import BinaryIO, cast

from homemail.store import octets

PIECE = 128 * 1024


class LfContent:
    """A message in an open file; stays readable when the file's name is gone.

    Owns the descriptor and closes it when it is collected. ``size`` is that of what is served.
    """

    __slots__ = ("_fd", "_size")

    def __init__(self, fd: int, size: int) -> None:
        self._fd = fd
        self._size = size

    @property
    def size(self) -> int:
        return self._size

    def open(self) -> BinaryIO:
        if self._size <= PIECE:
            return io.BytesIO(b"".join(map(octets.served, pieces(self._fd))))
        return cast(BinaryIO, io.BufferedReader(_Served(self._fd), PIECE))

    def close(self) -> None:
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)

    def __del__(self) -> None:
        self.close()


def pieces(fd: int) -> Iterator[bytes]:
    """Yield a file from its beginning, never cut between CR and LF; the position is not used."""
    at = 0
    while piece := os.pread(fd, PIECE, at):
        if piece.endswith(b"\r") and len(piece) > 1:
            piece = piece[:-1]
        elif piece == b"\r":
            piece = os.pread(fd, 2, at)
            if piece != b"\r\n":
                piece = b"\r"
        at += len(piece)
        yield piece


class _Served(io.RawIOBase):
    def __init__(self, fd: int) -> None:
        self._fd = os.dup(fd)
        self._pieces = pieces(self._fd)
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        if not self._rest:
            self._rest = memoryview(octets.served(next(self._pieces, b"")))
        count = min(len(buffer), len(self._rest))
        buffer[:count] = self._rest[:count]
        self._rest = self._rest[count:]
        return count

    def close(self) -> None:
        if not self.closed:
            os.close(self._fd)
        super().close()
