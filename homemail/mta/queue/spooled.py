# SPDX-License-Identifier: MIT
"""The queue: entries in memory as they are now, a spool behind that makes every step durable.

- What is written is behind what is known, never ahead: a change counts here at once (what the
  next host took is taken, whatever our disk says) and is answered when it is durable.
- One thread does all that blocks. What comes while it works goes together in the next batch,
  which shares its syncs; alone, a message is written at once. There is no timer.
- An add whose caller was cancelled is taken back: nobody was told that it was accepted.
"""

from __future__ import annotations

import asyncio
import contextlib
import heapq
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from homemail.errors import Temporary
from homemail.log import Log
from homemail.model.envelope import Envelope, QueueId
from homemail.model.message import MessageContent
from homemail.model.queue import LineTime, QueuedRecipient, QueueEntry, QueueState
from homemail.mta.queue.files import FileSpool, with_age
from homemail.mta.queue.line_clock import LineClock
from homemail.mta.queue.record import Stored
from homemail.mta.queue.schedule import is_done
from homemail.mta.queue.spool import Change, Drop, MemorySpool, Operation, Put, Spool

log = Log("queue")

_WAITING = (QueueState.INCOMING, QueueState.DEFERRED)


class _Kept:
    """An entry: as it is now, and as it was written last."""

    __slots__ = ("now", "written")

    def __init__(self, stored: Stored) -> None:
        self.now = stored
        self.written = stored


class SpooledQueue:
    """The ``Queue`` of ``mta.api``, with what its runner needs. Made by ``open_queue``.

    ``on_due`` is called whenever an entry may have become due.
    """

    def __init__(self, spool: Spool, line: LineClock, stored: Sequence[Stored] = ()) -> None:
        self.line = line
        self.on_due: Callable[[], None] = lambda: None
        self._spool = spool
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="queue")
        self._kept: dict[QueueId, _Kept] = {}
        self._waiting: list[tuple[_Kept | Operation, asyncio.Future[None]]] = []
        self._worker: asyncio.Task[None] | None = None
        self._pending_drops: set[asyncio.Task[None]] = set()
        self._due: list[tuple[LineTime, QueueId]] = []  # a heap; what no longer holds is skipped
        self._flushed: set[QueueId] = set()
        self._held: set[QueueId] = set()  # go on hold when their attempt is over
        for one in stored:
            self._kept[one.entry.id] = _resumed(one)
            self._schedule(self._kept[one.entry.id])

    async def add(
        self,
        envelope: Envelope,
        content: MessageContent,
        *,
        dormant: bool = False,
        hold: bool = False,
    ) -> QueueId:
        """Keep a message for every recipient of ``envelope``; durable when it returns.

        Raises:
            StorageFull: the disk is full.
            Temporary: it cannot be kept now, or its trace is taken.
        """
        queue_id = QueueId(envelope.trace)
        if queue_id in self._kept:
            raise Temporary("A message of this trace is in the queue")
        state = QueueState.DORMANT if dormant else QueueState.INCOMING
        if hold:
            state = QueueState.HOLD
        kept = _Kept(_new(queue_id, envelope, content.size, state, self.line.now()))
        # Held before it is durable, or two of one trace could be written at once.
        self._kept[queue_id] = kept
        kept.now = replace(kept.now, entry=replace(kept.now.entry, state=QueueState.DORMANT))
        written = self._soon(Put(kept.written, content))
        try:
            await asyncio.shield(written)
        except asyncio.CancelledError:
            self._take_back(queue_id, written)
            raise
        except BaseException:
            del self._kept[queue_id]
            raise
        kept.now = kept.written
        self._schedule(kept)
        self.on_due()
        return queue_id

    async def activate(self, queue_id: QueueId, recipients: Sequence[QueuedRecipient]) -> None:
        """Set what became of each recipient of a dormant entry, and schedule those pending.

        ``recipients`` are in the order of the envelope. An entry is removed when nothing is
        pending and nobody must be told of a failure.

        Raises:
            Temporary: there is no such entry, or it cannot be written.
        """
        entry = self.entry(queue_id)
        if entry is None or len(recipients) != len(entry.recipients):
            raise Temporary("The message is not in the queue")
        entry = replace(entry, recipients=tuple(recipients), state=QueueState.INCOMING)
        try:
            await self.update(entry)
        finally:
            self.on_due()  # what could not be written counts all the same

    async def entries(self) -> Sequence[QueueEntry]:
        now = self.line.now()
        entries = [with_age(kept.now, now) for kept in self._kept.values()]
        return sorted(entries, key=lambda entry: (entry.received_at, entry.id))

    async def flush(self) -> None:
        """Make everything that is deferred due now; what is on hold stays.

        ``take_flushed`` then tells that somebody asked for these attempts.
        """
        now = self.line.now()
        for queue_id, kept in self._kept.items():
            if kept.now.entry.state is QueueState.DEFERRED:
                self._flushed.add(queue_id)
                self._set(kept, replace(kept.now.entry, next_attempt=now))
        self.on_due()

    async def hold(self, queue_id: QueueId) -> None:
        """Put an entry on hold; one that is being tried goes there when its attempt is over.

        Raises:
            Temporary: there is no such entry, or it cannot be written.
        """
        kept = self._existing(queue_id)
        if kept.now.entry.state in (QueueState.ACTIVE, QueueState.DORMANT):
            self._held.add(queue_id)
        else:
            await self.update(replace(kept.now.entry, state=QueueState.HOLD))

    async def release(self, queue_id: QueueId) -> None:
        """Take an entry off hold and try it now, its faults forgotten.

        Raises:
            Temporary: there is no such entry, or it cannot be written.
        """
        kept = self._existing(queue_id)
        self._held.discard(queue_id)
        if kept.now.entry.state is QueueState.HOLD:
            await self._try_now(kept, faults=0)

    async def retry(self, queue_id: QueueId) -> None:
        """Try a deferred entry now, whatever it waits for.

        Raises:
            Temporary: there is no such entry, or it cannot be written.
        """
        kept = self._existing(queue_id)
        if kept.now.entry.state is QueueState.DEFERRED:
            await self._try_now(kept)

    async def _try_now(self, kept: _Kept, faults: int | None = None) -> None:
        self._flushed.add(kept.now.entry.id)
        entry = replace(kept.now.entry, state=QueueState.DEFERRED, next_attempt=self.line.now())
        try:
            await self.update(entry, faults=faults)
        finally:
            self.on_due()

    async def close(self) -> None:
        """Finish what is being written; the runner is closed before."""
        while self._worker is not None or self._pending_drops:
            waiting = {*self._pending_drops, *([self._worker] if self._worker else [])}
            await asyncio.wait(waiting)
        await self.save_clock()
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(self._thread, self._spool.close)
        self._thread.shutdown()

    def entry(self, queue_id: QueueId) -> QueueEntry | None:
        """Return the entry as it is now, or None when it is gone."""
        kept = self._kept.get(queue_id)
        return None if kept is None else with_age(kept.now, self.line.now())

    def next_due(self) -> LineTime | None:
        """Return when the next entry is due, or None when nothing waits."""
        while self._due and not self._is_due(*self._due[0]):
            heapq.heappop(self._due)
        return self._due[0][0] if self._due else None

    def take_due(self) -> QueueEntry | None:
        """Return an entry that is due, marked active, or None.

        The mark is not written by this; after a crash the entry is tried again anyway.
        """
        when = self.next_due()
        if when is None or when > self.line.now():
            return None
        kept = self._kept[heapq.heappop(self._due)[1]]
        self._set(kept, replace(kept.now.entry, state=QueueState.ACTIVE))
        return with_age(kept.now, self.line.now())

    def take_flushed(self, queue_id: QueueId) -> bool:
        """Whether a flush made the entry due; asked once."""
        if queue_id in self._flushed:
            self._flushed.discard(queue_id)
            return True
        return False

    def postpone(self, queue_id: QueueId, until: LineTime) -> None:
        """Take an active entry back for a later attempt, without writing."""
        if (kept := self._kept.get(queue_id)) is not None:
            entry = replace(kept.now.entry, state=QueueState.DEFERRED, next_attempt=until)
            self._set(kept, entry)

    async def content(self, queue_id: QueueId) -> MessageContent:
        """Return the octets of a message.

        An entry whose file somebody took away is forgotten.

        Raises:
            Temporary: they cannot be opened.
        """
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(self._thread, self._spool.content, queue_id)
        except Temporary as error:
            if isinstance(error.__cause__, FileNotFoundError):
                log.warning("its file was taken away", trace=queue_id)
                self._kept.pop(queue_id, None)
            raise

    async def update(self, entry: QueueEntry, *, faults: int | None = None) -> None:
        """Write an entry as it is now; one that is done is removed.

        Raises:
            Temporary: it cannot be written, but counts here all the same; or it was removed.
        """
        kept = self._existing(entry.id)
        self._set(kept, entry, faults)
        if is_done(kept.now.entry):
            await self.remove(entry.id)
        else:
            await asyncio.shield(self._soon(kept))

    def faults(self, queue_id: QueueId) -> int:
        """Return how many attempts ended in a fault of ours."""
        return self._kept[queue_id].now.faults

    async def remove(self, queue_id: QueueId) -> None:
        """Forget an entry.

        Raises:
            Temporary: its file cannot be removed; it comes back at the next start.
        """
        self._kept.pop(queue_id, None)
        self._flushed.discard(queue_id)
        self._held.discard(queue_id)
        await asyncio.shield(self._soon(Drop(queue_id)))

    def _existing(self, queue_id: QueueId) -> _Kept:
        kept = self._kept.get(queue_id)
        if kept is None:
            raise Temporary("The message is not in the queue")
        return kept

    def _set(self, kept: _Kept, entry: QueueEntry, faults: int | None = None) -> None:
        if entry.state in _WAITING and entry.id in self._held:
            self._held.discard(entry.id)
            entry = replace(entry, state=QueueState.HOLD)
        faults = kept.now.faults if faults is None else faults
        kept.now = replace(kept.now, entry=replace(entry, age=LineTime(0.0)), faults=faults)
        self._schedule(kept)

    def _schedule(self, kept: _Kept) -> None:
        entry = kept.now.entry
        if entry.state in _WAITING:
            heapq.heappush(self._due, (entry.next_attempt, entry.id))

    def _is_due(self, when: LineTime, queue_id: QueueId) -> bool:
        kept = self._kept.get(queue_id)
        if kept is None:
            return False
        return kept.now.entry.state in _WAITING and kept.now.entry.next_attempt == when

    def save_clock(self) -> asyncio.Future[None]:
        """Write the line clock's reading."""
        return asyncio.get_running_loop().run_in_executor(self._thread, self.line.save)

    def _take_back(self, queue_id: QueueId, written: asyncio.Future[None]) -> None:
        async def drop() -> None:
            with contextlib.suppress(Temporary):
                await written
                await self.remove(queue_id)
            self._kept.pop(queue_id, None)

        task = asyncio.ensure_future(drop())
        self._pending_drops.add(task)
        task.add_done_callback(self._pending_drops.discard)

    def _soon(self, what: _Kept | Operation) -> asyncio.Future[None]:
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((what, done))
        if self._worker is None:
            self._worker = asyncio.ensure_future(self._work())
        return done

    async def _work(self) -> None:
        try:
            while self._waiting:
                batch = _one_each(self._waiting)
                await self._write(batch)
        finally:
            self._worker = None

    async def _write(self, batch: list[tuple[_Kept | Operation, asyncio.Future[None]]]) -> None:
        states = [(what.now if isinstance(what, _Kept) else None) for what, _ in batch]
        operations = [
            Change(what.written, what.now) if isinstance(what, _Kept) else what for what, _ in batch
        ]
        loop = asyncio.get_running_loop()
        try:
            failures = await loop.run_in_executor(self._thread, self._spool.apply, operations)
        except Exception:
            log.exception("fault while writing the queue")
            failures = [Temporary("Local trouble while writing the queue") for _ in batch]
        for (what, done), state, failure in zip(batch, states, failures, strict=True):
            if isinstance(what, _Kept) and state is not None and failure is None:
                what.written = state
            if done.cancelled():
                continue
            if failure is None:
                done.set_result(None)
            else:
                done.set_exception(failure)


def _one_each(
    waiting: list[tuple[_Kept | Operation, asyncio.Future[None]]],
) -> list[tuple[_Kept | Operation, asyncio.Future[None]]]:
    """Take what may go in one batch: at most one operation for an entry, in order."""
    seen: set[QueueId] = set()
    batch, rest = [], []
    for what, done in waiting:
        queue_id = _id(what)
        if queue_id in seen:
            rest.append((what, done))
        else:
            seen.add(queue_id)
            batch.append((what, done))
    waiting[:] = rest
    return batch


def _id(what: _Kept | Operation) -> QueueId:
    match what:
        case _Kept():
            return what.now.entry.id
        case Put(stored, _):
            return stored.entry.id
        case Change(_, new):
            return new.entry.id
        case Drop(queue_id):
            return queue_id


def _new(
    queue_id: QueueId, envelope: Envelope, size: int, state: QueueState, line_time: LineTime
) -> Stored:
    recipients = tuple(QueuedRecipient(recipient) for recipient in envelope.recipients)
    entry = QueueEntry(queue_id, envelope, recipients, state, size, datetime.now(UTC))
    return Stored(entry, line_time)


def _resumed(stored: Stored) -> _Kept:
    """Return an entry as it goes on after a start: nothing is dormant or active any more."""
    kept = _Kept(stored)
    if stored.entry.state in (QueueState.DORMANT, QueueState.ACTIVE):
        kept.now = replace(stored, entry=replace(stored.entry, state=QueueState.INCOMING))
    return kept


def memory_queue(line: LineClock | None = None) -> SpooledQueue:
    """Return an empty queue that forgets everything at the end."""
    return SpooledQueue(MemorySpool(), line or LineClock())


async def open_queue(directory: Path, line: LineClock | None = None) -> SpooledQueue:
    """Open the queue below ``directory``, making it if need be.

    Raises:
        ConfigError: the directory belongs to another user.
        LockTimeout: another process has it.
        Temporary: it cannot be read.
    """
    return await asyncio.get_running_loop().run_in_executor(None, _open, directory, line)


def _open(directory: Path, line: LineClock | None) -> SpooledQueue:
    clock = line or LineClock()
    spool = FileSpool(directory, clock.now)
    try:
        clock.load(directory / "clock")
        stored = spool.load()
        clock.advance_to(spool.latest_line_time)
        spool.apply([Drop(one.entry.id) for one in stored if is_done(one.entry)])
    except BaseException:
        spool.close()
        raise
    return SpooledQueue(spool, clock, [one for one in stored if not is_done(one.entry)])
