# SPDX-License-Identifier: MIT
"""The queue on disk: a file for each large message, segments for the small ones.

- A file has the head, the content and the changes of one entry (docs/formats/queue.md); what is
  said here is of these, ``segments`` has the others.
- A file gets its name in ``entries/`` when it is whole and synced; only its tail can be torn.
- A change is one appended line. A tail without a line end is a change that was never answered:
  it is passed over, and cut off before the next one is written.
- Nothing is rewritten, so keys that this version does not know stay where they are.
- One process writes, the holder of ``lock``; anyone with the rights may read.
"""

from __future__ import annotations

import contextlib
import gc
import os
import re
import stat
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from homemail import durable
from homemail.errors import ConfigError, MailError, Temporary, from_os_error
from homemail.log import Log
from homemail.model.envelope import Envelope, Origin, QueueId, TraceId
from homemail.model.message import FileContent, MessageContent, chunks
from homemail.model.queue import LineTime, QueueEntry, QueueState
from homemail.mta.queue.record import (
    FORMAT,
    CorruptRecord,
    NewerRecord,
    Stored,
    apply_change,
    check_format,
    decode_head,
    encode_change,
    encode_head,
)
from homemail.mta.queue.segments import Append, Segments, read_segments
from homemail.mta.queue.spool import Change, Drop, Operation, Put

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_HEAD_LIMIT = 16 * 1024 * 1024  # octets; 10,000 recipients of the longest addresses are 6 MB
_SYNCS = 16  # at once: file systems put syncs that overlap into one journal commit
_OPEN = os.O_NOFOLLOW | os.O_CLOEXEC

log = Log("queue")


@dataclass(slots=True)
class _Place:
    """Where the octets of a message are in its file, and how long the file is up to its tail."""

    offset: int
    size: int
    end: int


@dataclass(frozen=True, slots=True)
class _Read:
    """What a file holds. ``line_time`` is the latest reading of the line clock in it."""

    stored: Stored
    place: _Place
    line_time: LineTime


class FileSpool:
    """The spool below a directory. Made by ``open``; ``line_now`` stamps the changes."""

    def __init__(self, directory: Path, line_now: Callable[[], LineTime]) -> None:
        """Take the directory, making what lacks of it.

        Raises:
            LockTimeout: another process has it.
            ConfigError: it belongs to another user.
            Temporary: it cannot be used.
        """
        for name in ("incoming", "entries", "segments", "corrupt"):
            durable.make_directory(directory / name)
        _check_owner(directory)
        self._directory = directory
        self._line_now = line_now
        self._lock = durable.FileLock(directory / "lock")
        self._places: dict[QueueId, _Place] = {}
        self._segments = Segments(directory / "segments", directory / "corrupt", line_now)
        self._syncers = ThreadPoolExecutor(_SYNCS, thread_name_prefix="queue-sync")
        self.latest_line_time = LineTime(0.0)

    def load(self) -> list[Stored]:
        with _without_collections():
            return self._load_all()

    def _load_all(self) -> list[Stored]:
        with durable.doing("reading the queue"):
            for name in os.listdir(self._directory / "incoming"):
                durable.unlink(self._directory / "incoming" / name, missing_ok=True)
            names = sorted(os.listdir(self._directory / "entries"))
            small = self._segments.load()
        large = [stored for name in names if (stored := self._load(name)) is not None]
        self.latest_line_time = max(self.latest_line_time, self._segments.latest_line_time)
        return small + large

    def _load(self, name: str) -> Stored | None:
        path = self._directory / "entries" / name
        try:
            read = _read_file(path)
        except NewerRecord as error:
            log.error("entry left alone", file=str(path), reason=str(error))
            return None
        except CorruptRecord as error:
            self._set_aside(path, str(error))
            return None
        except OSError as error:
            log.error("entry cannot be read", file=str(path), reason=error.strerror)
            return None
        self._places[read.stored.entry.id] = read.place
        self.latest_line_time = max(self.latest_line_time, read.line_time)
        return read.stored

    def _set_aside(self, path: Path, reason: str) -> None:
        target = self._directory / "corrupt" / path.name
        log.error("corrupt entry set aside", file=str(target), reason=reason)
        with durable.doing("setting a corrupt queue file aside"):
            durable.rename(path, target)
            durable.sync_directory(path.parent)
            durable.sync_directory(target.parent)

    def apply(self, batch: Sequence[Operation]) -> list[MailError | None]:
        small = {at: one for at, one in enumerate(batch) if self._segments.takes(one)}
        works = {at: self._begin(one) for at, one in enumerate(batch) if at not in small}
        appends, failures = self._segments.begin(list(small.items()))
        self._sync([*appends, *(work for work in works.values() if work.fd >= 0)])
        failures |= self._segments.finish(appends)
        self._commit(list(works.values()))
        failures |= {at: work.failure for at, work in works.items() if work.failure is not None}
        return [failures.get(at) for at in range(len(batch))]

    def _sync(self, unsynced: Sequence[_Work | Append]) -> None:
        if len(unsynced) == 1:
            unsynced[0].sync()
        else:
            list(self._syncers.map(lambda one: one.sync(), unsynced))

    def _commit(self, works: Sequence[_Work]) -> None:
        for work in works:
            work.commit()
        if any(work.renames for work in works):
            self._sync_names([work for work in works if work.renames])
        for work in works:
            work.finish(self._places)

    def _begin(self, operation: Operation) -> _Work:
        match operation:
            case Put(stored, content):
                work: _Work = _PutWork(self._directory, stored, content)
            case Change(old, new):
                line = encode_change(old, new, datetime.now(UTC), self._line_now())
                work = _ChangeWork(self._directory, new.entry.id, self._places, line)
            case Drop(queue_id):
                work = _DropWork(self._directory, queue_id)
        work.guard(work.begin)
        return work

    def _sync_names(self, works: Iterable[_Work]) -> None:
        try:
            durable.sync_directory(self._directory / "entries")
        except OSError as error:
            for work in works:
                if work.failure is None:
                    work.fail(from_os_error(error, "writing the queue"))

    def content(self, queue_id: QueueId) -> MessageContent:
        small = self._segments.content(queue_id)
        if small is not None:
            return small
        place = self._places.get(queue_id)
        if place is None:
            raise Temporary("The message is not in the queue")
        with durable.doing("reading the queue"):
            fd = os.open(self._directory / "entries" / queue_id, os.O_RDONLY | _OPEN)
        return FileContent(fd, place.size, place.offset)

    def close(self) -> None:
        self._syncers.shutdown()
        self._segments.close()
        self._lock.close()


class _Work:
    """One operation on its way: begin, sync, commit, finish; a failure ends it."""

    renames = False  # a name changes, so the directory is synced too

    def __init__(self, directory: Path, queue_id: QueueId) -> None:
        self.path = directory / "entries" / queue_id
        self.queue_id = queue_id
        self.fd = -1
        self.failure: MailError | None = None

    def guard(self, step: Callable[[], None]) -> None:
        """Run ``step`` unless the work has failed; an error is the work's failure."""
        if self.failure is not None:
            return
        try:
            step()
        except OSError as error:
            self.fail(from_os_error(error, "writing the queue"))
        except MailError as error:
            self.fail(error)

    def begin(self) -> None:
        """Write what is to be synced."""

    def sync(self) -> None:
        self.guard(lambda: durable.sync_file(self.fd, str(self.path)))

    def commit(self) -> None:
        """Make it count."""

    def undo(self) -> None:
        """Take back what was written; errors of its own are passed over."""

    def fail(self, failure: MailError) -> None:
        log.error(
            "cannot write the queue", trace=self.queue_id, reason=failure.__cause__ or failure
        )
        self.failure = failure
        with contextlib.suppress(OSError):
            self.undo()

    def finish(self, places: dict[QueueId, _Place]) -> None:
        """Close, and note where things are now."""
        if self.fd >= 0:
            os.close(self.fd)


class _PutWork(_Work):
    renames = True

    def __init__(self, directory: Path, stored: Stored, content: MessageContent) -> None:
        super().__init__(directory, stored.entry.id)
        self._incoming = directory / "incoming" / stored.entry.id
        self._stored = stored
        self._content = content
        self._place = _Place(0, stored.entry.size, 0)

    def begin(self) -> None:
        if not _NAME.fullmatch(self.queue_id):
            raise Temporary("The message's trace cannot be the name of a file")
        durable.step("create", str(self._incoming))
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | _OPEN
        self.fd = os.open(self._incoming, flags, 0o600)
        head = FORMAT + encode_head(self._stored)
        durable.write_all(self.fd, head, str(self._incoming))
        self._place.offset = len(head)
        written = 0
        for piece in chunks(self._content):
            durable.write_all(self.fd, piece, str(self._incoming))
            written += len(piece)
        if written != self._place.size:
            raise Temporary("The message changed while it was written to the queue")
        self._place.end = len(head) + written

    def commit(self) -> None:
        self.guard(lambda: durable.rename(self._incoming, self.path))

    def undo(self) -> None:
        self._incoming.unlink(missing_ok=True)
        self.path.unlink(missing_ok=True)

    def finish(self, places: dict[QueueId, _Place]) -> None:
        super().finish(places)
        if self.failure is None:
            places[self.queue_id] = self._place


class _ChangeWork(_Work):
    def __init__(
        self, directory: Path, queue_id: QueueId, places: dict[QueueId, _Place], line: bytes
    ) -> None:
        super().__init__(directory, queue_id)
        self._place = places.get(queue_id, _Place(0, 0, 0))
        self._line = line

    def begin(self) -> None:
        if not self._place.end:
            raise Temporary("The message is not in the queue")
        self.fd = os.open(self.path, os.O_WRONLY | _OPEN)
        if os.fstat(self.fd).st_size > self._place.end:
            durable.step("truncate", str(self.path))
            os.ftruncate(self.fd, self._place.end)
        os.lseek(self.fd, self._place.end, os.SEEK_SET)
        durable.write_all(self.fd, self._line, str(self.path))

    def undo(self) -> None:
        if self.fd >= 0:
            os.ftruncate(self.fd, self._place.end)

    def finish(self, places: dict[QueueId, _Place]) -> None:
        super().finish(places)
        if self.failure is None:
            self._place.end += len(self._line)


class _DropWork(_Work):
    renames = True

    def commit(self) -> None:
        self.guard(lambda: durable.unlink(self.path, missing_ok=True))

    def finish(self, places: dict[QueueId, _Place]) -> None:
        if self.failure is None:
            places.pop(self.queue_id, None)


@contextlib.contextmanager
def _without_collections() -> Iterator[None]:
    """Keep Python from looking for garbage among what is only added to, again and again."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def read_entries(directory: Path, line_now: LineTime | None = None) -> list[QueueEntry]:
    """Return the entries of the queue below ``directory``, oldest first, only by reading.

    The server may run meanwhile: what it removes or changes now is passed over. ``line_now`` is
    the line clock's reading, for the ages. Corrupt files are entries without recipients.

    Raises:
        Temporary: the directory cannot be read.
    """
    with _without_collections():
        return _read_entries(directory, line_now)


def _read_entries(directory: Path, line_now: LineTime | None) -> list[QueueEntry]:
    latest = line_now or LineTime(0.0)
    with durable.doing("reading the queue"):
        names = sorted(os.listdir(directory / "entries"))
        corrupt = sorted(os.listdir(directory / "corrupt"))
    reads = []
    for name in names:
        with contextlib.suppress(CorruptRecord, NewerRecord, OSError):
            reads.append(_read_file(directory / "entries" / name))
    small = read_segments(directory / "segments")
    latest = max([latest, *(read.line_time for read in reads)])
    entries = [with_age(read.stored, latest) for read in reads]
    entries += [with_age(stored, latest) for stored, _, _ in small.values()]
    for name in corrupt:
        with contextlib.suppress(OSError):
            entries.append(_corrupt_entry(directory / "corrupt" / name))
    return sorted(entries, key=lambda entry: (entry.received_at, entry.id))


def find_content(directory: Path, queue_id: QueueId) -> MessageContent | None:
    """Return the octets of a message of the queue below ``directory``, only by reading.

    Raises:
        Temporary: the queue cannot be read.
    """
    if not _NAME.fullmatch(queue_id):
        return None
    with durable.doing("reading the queue"):
        small = read_segments(directory / "segments").get(queue_id)
        if small is not None:
            stored, path, offset = small
            fd = os.open(path, os.O_RDONLY | _OPEN)
            return FileContent(fd, stored.entry.size, offset)
        try:
            place = _read_file(directory / "entries" / queue_id).place
        except (FileNotFoundError, CorruptRecord, NewerRecord):
            return None
        fd = os.open(directory / "entries" / queue_id, os.O_RDONLY | _OPEN)
    return FileContent(fd, place.size, place.offset)


def with_age(stored: Stored, line_now: LineTime) -> QueueEntry:
    """Return the entry with its age by the line clock."""
    return replace(stored.entry, age=LineTime(max(0.0, line_now - stored.line_time)))


def _corrupt_entry(path: Path) -> QueueEntry:
    facts = path.lstat()
    envelope = Envelope(None, (), TraceId(path.name), Origin.LOCAL)
    when = datetime.fromtimestamp(facts.st_mtime, UTC)
    return QueueEntry(QueueId(path.name), envelope, (), QueueState.CORRUPT, facts.st_size, when)


def _read_file(path: Path) -> _Read:
    fd = os.open(path, os.O_RDONLY | _OPEN | os.O_NONBLOCK)
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        raise CorruptRecord("not a file")
    with os.fdopen(fd, "rb") as file:
        check_format(file.readline(100))
        head = file.readline(_HEAD_LIMIT)
        if not head.endswith(b"\n"):
            raise CorruptRecord("the head is cut short")
        stored = decode_head(head)
        if stored.entry.id != path.name:
            raise CorruptRecord("the head names another entry")
        place = _Place(len(FORMAT) + len(head), stored.entry.size, 0)
        place.end = place.offset + place.size
        if os.fstat(fd).st_size < place.end:
            raise CorruptRecord("the content is cut short")
        file.seek(place.end)
        return _read_changes(stored, place, file)


def _read_changes(stored: Stored, place: _Place, lines: Iterable[bytes]) -> _Read:
    line_time = stored.line_time
    torn: CorruptRecord | None = None
    for line in lines:
        if torn is not None:
            raise torn
        try:
            if not line.endswith(b"\n"):
                raise CorruptRecord("a change is cut short")
            stored, at = apply_change(stored, line)
        except CorruptRecord as error:
            # The last line may be a change that was being written when the power went; any
            # other cannot be, since each is synced before the next.
            torn = error
            continue
        line_time = max(line_time, at)
        place.end += len(line)
    return _Read(stored, place, line_time)


def _check_owner(directory: Path) -> None:
    facts = directory.stat()
    if not stat.S_ISDIR(facts.st_mode) or facts.st_uid != os.geteuid():
        raise ConfigError(
            f"{directory} must be a directory of the user who runs the server",
            parameter="queue_directory",
        )
    if facts.st_mode & 0o022:
        raise ConfigError(f"{directory} is writable by others", parameter="queue_directory")
