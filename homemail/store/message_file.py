# SPDX-License-Identifier: MIT
"""One message as a file of a Maildir: written whole, read once to be described, served."""

from __future__ import annotations

import contextlib
import mmap
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from homemail import durable
from homemail.message.header import Octets
from homemail.model.message import MemoryContent, MessageContent, chunks
from homemail.store import octets
from homemail.store.content import PIECE, LfContent, pieces
from homemail.store.describe import Description, describe

_MAPPED = 1 << 20  # larger files are mapped instead of read


@dataclass(frozen=True, slots=True)
class Reading:
    """What was learnt of a file; ``date`` is its time in seconds."""

    disk_size: int
    wire_size: int
    date: int
    digest: bytes
    described: Description

    @property
    def thread(self) -> bytes:
        return self.described.thread or self.digest


def write(path: Path, content: MessageContent, date: int) -> Reading:
    """Write ``content`` to a new file with LF line ends; not durable before ``sync``.

    Raises:
        BadContent: there is a NUL; no file is left.
    """
    fd = durable.create(path)
    try:
        tally = octets.Tally()
        for piece in octets.to_lf(chunks(content)):
            durable.write_all(fd, tally.feed(piece), str(path))
        os.utime(fd, (date, date))
        with _opened(fd, tally.octets) as view:
            described = describe(view)
    except BaseException:
        with contextlib.suppress(OSError):
            path.unlink()
        raise
    finally:
        os.close(fd)
    return Reading(tally.octets, tally.wire_size, date, tally.digest(), described)


def read(path: Path) -> Reading:
    """Read a file once, from beginning to end."""
    fd = open_file(path)
    try:
        status = os.fstat(fd)
        tally = octets.Tally()
        for piece in pieces(fd):
            tally.feed(octets.clean(piece))
        with _opened(fd, status.st_size) as view:
            described = describe(view)
    finally:
        os.close(fd)
    date = int(status.st_mtime)
    return Reading(status.st_size, tally.wire_size, date, tally.digest(), described)


def content_of(fd: int, wire_size: int | None) -> MessageContent:
    """Return what an open file is served as; takes the descriptor over.

    ``wire_size`` is used for large files only, None where it is not known for sure.
    """
    if os.fstat(fd).st_size <= PIECE:
        try:
            return MemoryContent(b"".join(map(octets.served, pieces(fd))))
        finally:
            os.close(fd)
    if wire_size is None:
        wire_size = sum(len(octets.served(piece)) for piece in pieces(fd))
    return LfContent(fd, wire_size)


def octets_of(path: Path) -> Octets:
    """Return the octets of a file as they are on disk; a large one is mapped."""
    fd = open_file(path)
    try:
        size = os.fstat(fd).st_size
        if size <= _MAPPED:
            return os.pread(fd, size, 0)
        return mmap.mmap(fd, size, prot=mmap.PROT_READ)
    finally:
        os.close(fd)


def sync(path: Path) -> None:
    """Make the octets of a file durable, its name not."""
    fd = open_file(path)
    try:
        durable.sync_file(fd, str(path))
    finally:
        os.close(fd)


def duplicate(source: Path, target: Path) -> None:
    """Copy a file with its time to a new one; its octets are durable, its name is not."""
    fd = open_file(source)
    try:
        status = os.fstat(fd)
        to = durable.create(target)
        try:
            while piece := os.read(fd, PIECE):
                durable.write_all(to, piece, str(target))
            os.utime(to, ns=(status.st_atime_ns, status.st_mtime_ns))
            durable.sync_file(to, str(target))
        finally:
            os.close(to)
    finally:
        os.close(fd)


def open_file(path: Path) -> int:
    """Return a descriptor to read a file by; a link at ``path`` is not followed."""
    return os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)


@contextlib.contextmanager
def _opened(fd: int, size: int) -> Iterator[Octets]:
    if size <= _MAPPED:
        yield os.pread(fd, size, 0)
        return
    with mmap.mmap(fd, size, prot=mmap.PROT_READ) as view:
        yield view
