# SPDX-License-Identifier: MIT
"""Small messages of the queue: many in one file, to which everything is appended.

- A record is answered when the file is synced behind it; nothing that was written is changed.
- What belongs to an entry stands in the segment that has its message, so a segment can go when the
  last of its entries is gone, whatever else there is.
- Each segment's records begin with letters of chance, so no message can hold what looks like one.
- A segment of which little is still wanted is written anew at the end of the present one; where an
  entry is in two, the later one counts (docs/formats/queue.md).
"""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from homemail import durable
from homemail.errors import MailError, Temporary, from_os_error
from homemail.log import Log
from homemail.model.envelope import QueueId
from homemail.model.message import FileContent, MessageContent, read_all
from homemail.model.queue import LineTime
from homemail.mta.queue.record import (
    CorruptRecord,
    NewerRecord,
    Stored,
    apply_change,
    decode_head,
    encode_change,
    encode_head,
)
from homemail.mta.queue.spool import Change, Drop, Operation, Put

SMALL = 64 * 1024  # octets of a message that goes into a segment
_SMALL_LIST = 100  # recipients of such a message
_FULL = 16 * 1024 * 1024  # a segment of this size takes no more messages
_EMPTY = 4 * 1024 * 1024  # nor does one of this size in which nothing is left
_LITTLE = 256 * 1024  # a segment of this size is better joined to another
_SETTLED = 300.0  # seconds of the line clock after which a segment may be written anew
_FORMAT = re.compile(rb"homemail-segment (\d+) ([0-9a-f]{16})\n")
_HEADER_SIZE = len(b"homemail-segment 1 ") + 17
_RECORD = re.compile(rb"(put|set|del) ([A-Za-z0-9][A-Za-z0-9_-]{0,63}) (\d{1,9}) ([0-9a-f]{8})\n")

log = Log("queue")


@dataclass(slots=True)
class Segment:
    """One file. ``end``: what is synced of it. ``octets``: of the records still wanted."""

    path: Path
    nonce: bytes
    fd: int
    end: int
    entries: int = 0
    octets: int = 0
    settled_at: LineTime = field(default=LineTime(0.0))


@dataclass(slots=True)
class _Spot:
    """Where a message is, and how many octets all the records of its entry have."""

    segment: Segment
    offset: int
    size: int
    octets: int


@dataclass(frozen=True, slots=True)
class Record:
    """``kind`` is put, set or del; the payload is from ``start`` to ``end`` of the segment."""

    kind: bytes
    id: QueueId
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Rubbish:
    """Octets that are no record. ``torn``: none follows, so they may never have been answered."""

    start: int
    end: int
    torn: bool


class Append:
    """What one batch adds to one segment: written, synced, then counted."""

    def __init__(self, segment: Segment) -> None:
        self.segment = segment
        self.failure: MailError | None = None
        self.places: list[int] = []  # in the batch
        self.puts: list[tuple[QueueId, int, int]] = []
        self.added: dict[QueueId, int] = {}
        self.drops: list[QueueId] = []
        self._pieces: list[bytes] = []
        self._size = 0

    def add(self, kind: bytes, queue_id: QueueId, payload: Sequence[bytes]) -> int:
        """Add a record; return where its payload will begin in the segment."""
        head = _record_head(self.segment.nonce, kind, queue_id, payload)
        self._pieces += [head, *payload]
        start = self.segment.end + self._size + len(head)
        size = len(head) + sum(map(len, payload))
        self._size += size
        self.added[queue_id] = self.added.get(queue_id, 0) + size
        return start

    def write(self) -> None:
        """Write everything behind what is there, and nothing of what was left by a failure."""
        segment, name = self.segment, str(self.segment.path)
        try:
            if os.fstat(segment.fd).st_size > segment.end:
                durable.step("truncate", name)
                os.ftruncate(segment.fd, segment.end)
            os.lseek(segment.fd, segment.end, os.SEEK_SET)
            durable.write_all(segment.fd, b"".join(self._pieces), name)
        except OSError as error:
            self._fail(error)

    def sync(self) -> None:
        if self.failure is None:
            try:
                durable.sync_file(self.segment.fd, str(self.segment.path))
            except OSError as error:
                self._fail(error)

    def count(self) -> None:
        """Note that it is durable."""
        self.segment.end += self._size

    def _fail(self, error: OSError) -> None:
        log.error("cannot write the queue", file=str(self.segment.path), reason=error)
        self.failure = from_os_error(error, "writing the queue")
        with contextlib.suppress(OSError):
            os.ftruncate(self.segment.fd, self.segment.end)


class Segments:
    """The segments below ``directory``. ``line_now`` stamps changes, as in the other files."""

    def __init__(self, directory: Path, corrupt: Path, line_now: Callable[[], LineTime]) -> None:
        self._directory = directory
        self._corrupt = corrupt
        self._line_now = line_now
        self._spots: dict[QueueId, _Spot] = {}
        self._all: list[Segment] = []
        self._present: Segment | None = None
        self._stale: list[tuple[Segment, QueueId]] = []
        self._last_number = 0
        self.latest_line_time = LineTime(0.0)

    def takes(self, operation: Operation) -> bool:
        """Whether an operation is for here, not for a file of its own."""
        match operation:
            case Put(stored, _):
                few = len(stored.entry.recipients) <= _SMALL_LIST
                return few and stored.entry.size <= SMALL
            case Change(_, new):
                return new.entry.id in self._spots
            case Drop(queue_id):
                return queue_id in self._spots

    def load(self) -> list[Stored]:
        """Return every entry, having set aside and reported what cannot be read."""
        found: dict[QueueId, Stored] = {}
        for path in sorted(self._directory.iterdir()):
            if path.name.isdecimal():
                self._last_number = max(self._last_number, int(path.name))
                self._load(path, found)
        self._drop_stale()
        for segment in list(self._all):
            self._forget_if_empty(segment)
        return list(found.values())

    def _drop_stale(self) -> None:
        """Mark the first of two copies, or it would count again when the second is gone."""
        appends: dict[int, Append] = {}
        for segment, queue_id in self._stale:
            appends.setdefault(id(segment), Append(segment)).add(b"del", queue_id, ())
        for append in appends.values():
            append.write()
            append.sync()
            if append.failure is not None:
                raise append.failure
            append.count()
        self._stale.clear()

    def _load(self, path: Path, found: dict[QueueId, Stored]) -> None:
        try:
            data = _read(path)
            nonce = _check_header(data)
        except NewerRecord as error:
            log.error("segment left alone", file=str(path), reason=str(error))
            return
        except CorruptRecord as error:
            if path.stat().st_size <= _HEADER_SIZE:  # made just before the end, nothing in it
                durable.unlink(path)
            else:
                log.error("corrupt segment set aside", file=str(path), reason=str(error))
                durable.rename(path, self._corrupt / f"segment-{path.name}")
            return
        fd = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
        settled_at = LineTime(self._line_now() + _SETTLED)
        segment = Segment(path, nonce, fd, len(data), settled_at=settled_at)
        self._all.append(segment)
        read = read_segment(data, nonce)
        for bad in read.rubbish:
            self._report(segment, data, bad)
        self.latest_line_time = max(self.latest_line_time, read.line_time)
        for queue_id, (stored, offset) in read.entries.items():
            if queue_id in found:
                self._stale.append((self._spots[queue_id].segment, queue_id))
            size = stored.entry.size
            self._count(queue_id, _Spot(segment, offset, size, read.octets[queue_id]))
            found[queue_id] = stored
        for queue_id in read.dropped - read.entries.keys():
            if found.pop(queue_id, None) is not None:
                self._stale.append((self._spots[queue_id].segment, queue_id))
                self._uncount(queue_id)

    def _report(self, segment: Segment, data: bytes, bad: Rubbish) -> None:
        if bad.torn:
            segment.end = bad.start
            if not _may_be_whole(data, bad.start, segment.nonce):
                return
        target = self._corrupt / f"segment-{segment.path.name}-{bad.start}"
        if not target.exists():
            log.error("corrupt part of a segment set aside", file=str(target))
            durable.write_atomic(target, data[bad.start : bad.end])

    def begin(
        self, batch: Sequence[tuple[int, Operation]]
    ) -> tuple[list[Append], dict[int, MailError]]:
        """Write a batch, to be synced by the caller; return it by segments, and what failed."""
        appends: dict[int, Append] = {}
        failures: dict[int, MailError] = {}
        for place, operation in batch:
            try:
                segment = self._segment_of(operation)
                append = appends.setdefault(id(segment), Append(segment))
                self._add(append, operation)
                append.places.append(place)
            except MailError as error:
                failures[place] = error
            except OSError as error:
                failures[place] = from_os_error(error, "writing the queue")
        wanted = [append for append in appends.values() if append.places]
        for append in wanted:
            append.write()
        return wanted, failures

    def finish(self, appends: Iterable[Append]) -> dict[int, MailError]:
        """Count what was synced; return what failed by its place in the batch."""
        failures: dict[int, MailError] = {}
        for append in appends:
            if append.failure is not None:
                failures.update(dict.fromkeys(append.places, append.failure))
                continue
            self._count_all(append)
        with contextlib.suppress(OSError, MailError):  # it costs room, nothing else
            self._tidy()
        return failures

    def content(self, queue_id: QueueId) -> MessageContent | None:
        """Return the octets of a message; None where it is not here."""
        spot = self._spots.get(queue_id)
        if spot is None:
            return None
        return FileContent(os.dup(spot.segment.fd), spot.size, spot.offset)

    def close(self) -> None:
        for segment in self._all:
            os.close(segment.fd)
        self._all.clear()

    def _segment_of(self, operation: Operation) -> Segment:
        match operation:
            case Put():
                return self._writable()
            case Change(_, new):
                return self._spots[new.entry.id].segment
            case Drop(queue_id):
                return self._spots[queue_id].segment

    def _add(self, append: Append, operation: Operation) -> None:
        match operation:
            case Put(stored, content):
                head, octets = encode_head(stored), read_all(content)
                if len(octets) != stored.entry.size:
                    raise Temporary("The message changed while it was written to the queue")
                start = append.add(b"put", stored.entry.id, (head, octets))
                append.puts.append((stored.entry.id, start + len(head), len(octets)))
            case Change(old, new):
                line = encode_change(old, new, datetime.now(UTC), self._line_now())
                append.add(b"set", new.entry.id, (line,))
            case Drop(queue_id):
                append.add(b"del", queue_id, ())
                append.drops.append(queue_id)

    def _writable(self) -> Segment:
        present = self._present
        if (
            present is not None
            and present.end < _FULL
            and (present.entries or present.end < _EMPTY)
        ):
            return present
        if present is not None:
            present.settled_at = LineTime(self._line_now() + _SETTLED)
        self._present = self._make()
        return self._present

    def _make(self) -> Segment:
        self._last_number += 1
        path = self._directory / f"{self._last_number:08}"
        nonce = secrets.token_hex(8).encode()
        header = b"homemail-segment 1 %b\n" % nonce
        fd = durable.create(path)
        try:
            durable.write_all(fd, header, str(path))
            durable.sync_file(fd, str(path))
            durable.sync_directory(self._directory)
        except BaseException:
            os.close(fd)
            with contextlib.suppress(OSError):
                path.unlink()
            raise
        segment = Segment(path, nonce, fd, len(header))
        self._all.append(segment)
        return segment

    def _count_all(self, append: Append) -> None:
        append.count()
        for queue_id, offset, size in append.puts:
            self._count(queue_id, _Spot(append.segment, offset, size, 0))
        for queue_id, octets in append.added.items():
            self._spots[queue_id].octets += octets
            append.segment.octets += octets
        for queue_id in append.drops:
            self._uncount(queue_id)

    def _count(self, queue_id: QueueId, spot: _Spot) -> None:
        if queue_id in self._spots:
            self._uncount(queue_id)
        self._spots[queue_id] = spot
        spot.segment.entries += 1
        spot.segment.octets += spot.octets

    def _uncount(self, queue_id: QueueId) -> None:
        spot = self._spots.pop(queue_id)
        spot.segment.entries -= 1
        spot.segment.octets -= spot.octets

    def _tidy(self) -> None:
        """Remove the segments in which nothing is left; write one anew that is mostly empty.

        So is one that is small by itself: each start of the server begins another.
        """
        now = self._line_now()
        for segment in [one for one in self._all if one is not self._present]:
            self._forget_if_empty(segment)
            wasteful = segment.octets * 4 < segment.end or segment.end < _LITTLE
            if segment.entries and wasteful and segment.settled_at <= now:
                self._rewrite(segment)
                return

    def _forget_if_empty(self, segment: Segment) -> None:
        if not segment.entries and segment is not self._present:
            # Not synced: a segment that comes back has nothing that is still wanted.
            durable.unlink(segment.path, missing_ok=True)
            self._close(segment)

    def _close(self, segment: Segment) -> None:
        self._all.remove(segment)
        os.close(segment.fd)

    def _rewrite(self, old: Segment) -> None:
        """Copy what is still wanted of a segment into the present one, then remove it."""
        append = Append(self._writable())
        data = _read(old.path)
        for record in scan(data[: old.end], old.nonce):
            if isinstance(record, Rubbish):
                continue
            spot = self._spots.get(record.id)
            if spot is None or spot.segment is not old:
                continue
            start = append.add(record.kind, record.id, (data[record.start : record.end],))
            if record.kind == b"put":
                append.puts.append((record.id, start + spot.offset - record.start, spot.size))
        append.write()
        append.sync()
        if append.failure is not None:
            return
        self._count_all(append)
        durable.unlink(old.path)
        # Synced: the entries' end will be written elsewhere, so it must not come back.
        durable.sync_directory(self._directory)
        self._close(old)


@dataclass(slots=True)
class ReadSegment:
    """What a segment holds: entries with the place of their octets, and what is no record.

    ``octets``: how many all the records of an entry have.
    """

    entries: dict[QueueId, tuple[Stored, int]] = field(default_factory=dict)
    octets: dict[QueueId, int] = field(default_factory=dict)
    dropped: set[QueueId] = field(default_factory=set)
    rubbish: list[Rubbish] = field(default_factory=list)
    line_time: LineTime = field(default=LineTime(0.0))


def read_segment(data: bytes, nonce: bytes) -> ReadSegment:
    """Return the entries of a segment as they were left."""
    read = ReadSegment()
    for record in scan(data, nonce):
        if isinstance(record, Rubbish):
            read.rubbish.append(record)
            continue
        try:
            _apply(read, data, record)
            size = record.end - record.start  # but for what stands in front, alike for all
            read.octets[record.id] = read.octets.get(record.id, 0) + size
        except CorruptRecord:
            read.rubbish.append(Rubbish(record.start, record.end, torn=False))
    return read


def read_segments(directory: Path) -> Mapping[QueueId, tuple[Stored, Path, int]]:
    """Return every entry of the segments with the place of its octets, only by reading."""
    found: dict[QueueId, tuple[Stored, Path, int]] = {}
    with contextlib.suppress(FileNotFoundError):
        for path in sorted(directory.iterdir()):
            with contextlib.suppress(OSError, CorruptRecord, NewerRecord):
                data = _read(path)
                read = read_segment(data, _check_header(data))
                for queue_id in read.dropped - read.entries.keys():
                    found.pop(queue_id, None)
                for queue_id, (stored, offset) in read.entries.items():
                    found[queue_id] = (stored, path, offset)
    return found


def _apply(read: ReadSegment, data: bytes, record: Record) -> None:
    if record.kind == b"put":
        line_end = data.find(b"\n", record.start, record.end) + 1
        stored = decode_head(data[record.start : line_end])
        if stored.entry.id != record.id or line_end + stored.entry.size != record.end:
            raise CorruptRecord("the head is that of another message")
        read.entries[record.id] = (stored, line_end)
        read.line_time = max(read.line_time, stored.line_time)
    elif record.kind == b"del":
        read.entries.pop(record.id, None)
        read.dropped.add(record.id)
    elif record.id in read.entries:
        stored, offset = read.entries[record.id]
        stored, at = apply_change(stored, data[record.start : record.end])
        read.entries[record.id] = (stored, offset)
        read.line_time = max(read.line_time, at)


def scan(data: bytes, nonce: bytes) -> Iterator[Record | Rubbish]:
    """Yield the records of a segment in order, and the octets between them that are none."""
    marker = b"\n" + nonce + b" "
    at = _HEADER_SIZE
    while at < len(data):
        record = _record_at(data, at, marker)
        if record is None:
            start, at = at, data.find(marker, at + 1)
            while at >= 0 and (record := _record_at(data, at, marker)) is None:
                at = data.find(marker, at + 1)
            yield Rubbish(start, len(data) if record is None else at, torn=record is None)
            if record is None:
                return
        yield record
        at = record.end


def _record_at(data: bytes, at: int, marker: bytes) -> Record | None:
    if not data.startswith(marker, at):
        return None
    match = _RECORD.match(data, at + len(marker))
    if match is None:
        return None
    start, end = match.end(), match.end() + int(match[3])
    if end > len(data) or _sum(match[1], match[2], (memoryview(data)[start:end],)) != match[4]:
        return None
    return Record(match[1], QueueId(match[2].decode()), start, end)


def _record_head(nonce: bytes, kind: bytes, queue_id: QueueId, payload: Sequence[bytes]) -> bytes:
    name = queue_id.encode("ascii", "replace")
    size = sum(map(len, payload))
    head = b"%b %b %d %b\n" % (kind, name, size, _sum(kind, name, payload))
    if _RECORD.fullmatch(head) is None:
        raise Temporary("The message's trace cannot be kept")
    return b"\n" + nonce + b" " + head


def _sum(kind: bytes, name: bytes, payload: Sequence[bytes | memoryview]) -> bytes:
    value = zlib.crc32(b"%b %b " % (kind, name))
    for piece in payload:
        value = zlib.crc32(piece, value)
    return b"%08x" % value


def _may_be_whole(data: bytes, at: int, nonce: bytes) -> bool:
    """Whether a message of full length stands there, so that it may have been answered once."""
    match = _RECORD.match(data, at + len(nonce) + 2)
    if match is None or match[1] != b"put":
        return False
    return match.end() + int(match[3]) <= len(data)


def _read(path: Path) -> bytes:
    fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    with os.fdopen(fd, "rb") as file:
        return file.read()


def _check_header(data: bytes) -> bytes:
    """Return the letters that a segment's records begin with.

    Raises:
        NewerRecord: a later version wrote it.
        CorruptRecord: it is no segment.
    """
    match = _FORMAT.match(data)
    if match is None:
        raise CorruptRecord("the first line is not that of a segment")
    if match[1] != b"1":
        raise NewerRecord(
            f"written by a newer homemail (homemail-segment {match[1].decode()}); this one reads 1"
        )
    return match[2]
