# SPDX-License-Identifier: MIT
"""The octets of a message, wherever they are kept: always with CRLF line ends."""

from __future__ import annotations

import io
import mmap
import os
from collections.abc import Iterator
from typing import BinaryIO, Protocol, cast, runtime_checkable

CHUNK = 256 * 1024


@runtime_checkable
class MessageContent(Protocol):
    """Header and body with CRLF line ends. Reading never disturbs another reader."""

    @property
    def size(self) -> int:
        """Octets."""

    def open(self) -> BinaryIO:
        """Return a new reader at the first octet; the caller closes it."""


class MemoryContent:
    """A message held in memory."""

    __slots__ = ("octets",)

    def __init__(self, octets: bytes) -> None:
        self.octets = octets

    @property
    def size(self) -> int:
        return len(self.octets)

    def open(self) -> BinaryIO:
        return io.BytesIO(self.octets)


class FileContent:
    """A message in an open file, from ``offset`` on; read with ``pread``.

    Owns the descriptor and closes it when it is collected or closed.
    """

    __slots__ = ("_fd", "_offset", "_size")

    def __init__(self, fd: int, size: int, offset: int = 0) -> None:
        self._fd = fd
        self._size = size
        self._offset = offset

    @property
    def size(self) -> int:
        return self._size

    @property
    def offset(self) -> int:
        """Where the message begins in the file."""
        return self._offset

    def fileno(self) -> int:
        return self._fd

    def open(self) -> BinaryIO:
        return cast(BinaryIO, io.BufferedReader(_Pread(self._fd, self._offset, self._size), CHUNK))

    def behind(self, offset: int) -> FileContent:
        """Return what stands behind the first ``offset`` octets, with a descriptor of its own."""
        offset = min(offset, self._size)
        return FileContent(os.dup(self._fd), self._size - offset, self._offset + offset)

    def close(self) -> None:
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)

    def __del__(self) -> None:
        self.close()


class PrefixedContent:
    """``prefix`` (whole header fields that end in CRLF) put in front of ``rest``."""

    __slots__ = ("prefix", "rest")

    def __init__(self, prefix: bytes, rest: MessageContent) -> None:
        self.prefix = prefix
        self.rest = rest

    @property
    def size(self) -> int:
        return len(self.prefix) + self.rest.size

    def open(self) -> BinaryIO:
        return cast(BinaryIO, io.BufferedReader(_Joined(self.prefix, self.rest.open()), CHUNK))


def view(content: MessageContent) -> bytes | mmap.mmap:
    """Return the whole message for scanning; one in a file is mapped, not read."""
    if isinstance(content, MemoryContent):
        return content.octets
    if type(content) is FileContent and content.size and not content.offset:
        return mmap.mmap(content.fileno(), content.size, prot=mmap.PROT_READ)
    return read_all(content)


def read_all(content: MessageContent) -> bytes:
    """Return the whole message."""
    with content.open() as reader:
        return reader.read()


def chunks(content: MessageContent, size: int = CHUNK) -> Iterator[bytes]:
    """Yield the message in pieces of at most ``size`` octets."""
    with content.open() as reader:
        while piece := reader.read(size):
            yield piece


def behind(content: MessageContent, offset: int) -> MessageContent:
    """Return what stands behind the first ``offset`` octets, without a copy where that can be."""
    match content:
        case FileContent():
            return content.behind(offset)
        case PrefixedContent(prefix=prefix, rest=rest):
            if offset >= len(prefix):
                return behind(rest, offset - len(prefix))
            return PrefixedContent(prefix[offset:], rest)
        case _:
            return MemoryContent(read_all(content)[offset:])


class _Pread(io.RawIOBase):
    def __init__(self, fd: int, offset: int, size: int) -> None:
        self._fd, self._at, self._end = os.dup(fd), offset, offset + size

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        want = min(len(buffer), self._end - self._at)
        got = os.preadv(self._fd, [memoryview(buffer)[:want]], self._at) if want > 0 else 0
        self._at += got
        return got

    def close(self) -> None:
        if not self.closed:
            os.close(self._fd)
        super().close()


class _Joined(io.RawIOBase):
    def __init__(self, prefix: bytes, rest: BinaryIO) -> None:
        self._prefix, self._rest = memoryview(prefix), rest

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        if self._prefix:
            piece = bytes(self._prefix[: len(buffer)])
            self._prefix = self._prefix[len(piece) :]
        else:
            piece = self._rest.read(len(buffer))
        buffer[: len(piece)] = piece
        return len(piece)

    def close(self) -> None:
        self._rest.close()
        super().close()
