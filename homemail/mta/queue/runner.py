# SPDX-License-Identifier: MIT
"""The loop of the queue: what is due is tried, several at once, until the server ends."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping
from dataclasses import replace

from homemail.config.queue import QueueSettings
from homemail.errors import MailError
from homemail.log import Log
from homemail.model.delivery import Deliver
from homemail.model.envelope import Envelope, QueueId, Submit
from homemail.model.message import MessageContent
from homemail.model.queue import LineTime, QueueEntry, QueueState
from homemail.mta.queue.attempt import (
    Attempt,
    DeliverTarget,
    Routes,
    Surroundings,
    serve_no_targets,
)
from homemail.mta.queue.destinations import Destinations
from homemail.mta.queue.mail_log import active_line
from homemail.mta.queue.spooled import SpooledQueue
from homemail.mta.sending.transport import Transport

_ACTIVE_LIMIT = 2000  # entries tried at once; those that wait for a turn cost some memory
_FAULTS_LIMIT = 3
_CLOSE_SECONDS = 1.5
_CLOCK_SECONDS = 300.0  # how much of the line clock a crash may cost

log = Log("queue")


class QueueRunner:
    """Tries the entries of ``queue`` when they are due. Close it before the queue."""

    def __init__(
        self,
        queue: SpooledQueue,
        routes: Routes,
        deliver: Deliver,
        transports: Mapping[str, Transport],
        settings: QueueSettings,
        hostname: str,
        *,
        submit: Submit | None = None,
        deliver_target: DeliverTarget = serve_no_targets,
    ) -> None:
        """Take what attempts work with; without ``submit`` notifications go to ``queue.add``."""
        self._queue = queue
        self._settings = settings
        destinations = Destinations(settings, queue.line.now)
        self._around = Surroundings(
            queue,
            submit or self._add,
            routes,
            deliver,
            deliver_target,
            transports,
            destinations,
            settings,
            hostname,
        )
        self._wake = asyncio.Event()
        self._attempts: set[asyncio.Task[None]] = set()
        self._loop: asyncio.Task[None] | None = None
        queue.on_due = self._wake.set

    async def _add(self, envelope: Envelope, content: MessageContent) -> QueueId:
        return await self._queue.add(envelope, content)

    def start(self) -> None:
        """Begin; needs a running loop."""
        self._loop = asyncio.ensure_future(self._run())

    async def close(self) -> None:
        """Start nothing more, give what is under way a moment, then break it off."""
        if self._loop is not None:
            self._loop.cancel()
            await asyncio.wait({self._loop})
        if self._attempts:
            await asyncio.wait(self._attempts, timeout=_CLOSE_SECONDS)
        for attempt in self._attempts:
            attempt.cancel()
        await asyncio.gather(*self._attempts, return_exceptions=True)

    async def run_due(self) -> None:
        """Try everything that is due now, and what becomes due by that; then return."""
        while self._start_due() or self._attempts:
            await asyncio.wait(self._attempts)

    async def _run(self) -> None:
        saved = self._queue.line.now()
        while True:
            self._wake.clear()
            self._start_due()
            now = self._queue.line.now()
            if now - saved >= _CLOCK_SECONDS:
                await self._queue.save_clock()
                saved = now
            with contextlib.suppress(TimeoutError):
                # Not wait_for: before 3.12 it can swallow the cancellation of close.
                async with asyncio.timeout(self._pause(now)):
                    await self._wake.wait()

    def _pause(self, now: LineTime) -> float | None:
        """Return how long nothing has to be done; None while the queue is empty."""
        due = self._queue.next_due()
        if len(self._attempts) >= _ACTIVE_LIMIT or due is None:
            return _CLOCK_SECONDS if self._attempts else None
        return min(max(0.0, due - now), _CLOCK_SECONDS)

    def _start_due(self) -> int:
        started = 0
        while len(self._attempts) < _ACTIVE_LIMIT and (entry := self._queue.take_due()):
            task = asyncio.ensure_future(self._attempt(entry))
            self._attempts.add(task)
            task.add_done_callback(self._ended)
            started += 1
        return started

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._attempts.discard(task)
        self._wake.set()

    async def _attempt(self, entry: QueueEntry) -> None:
        log.info(active_line(entry))
        flushed = self._queue.take_flushed(entry.id)
        try:
            await Attempt(self._around, entry, flushed=flushed).run()
        except MailError as error:
            log.error("attempt broken off", trace=entry.id, reason=error.__cause__ or error)
            self._postpone(entry)
        except Exception:
            log.exception("fault in an attempt", trace=entry.id)
            await self._count_fault(entry)

    def _postpone(self, entry: QueueEntry) -> None:
        until = self._queue.line.now() + self._settings.minimal_backoff_time
        self._queue.postpone(entry.id, LineTime(until))

    async def _count_fault(self, entry: QueueEntry) -> None:
        """Try an entry that made us fail again, but not for ever."""
        self._postpone(entry)
        now = self._queue.entry(entry.id)
        if now is None:
            return
        faults = self._queue.faults(entry.id) + 1
        if faults >= _FAULTS_LIMIT:
            log.error("put on hold after repeated faults", trace=entry.id)
            now = replace(now, state=QueueState.HOLD)
        with contextlib.suppress(MailError):
            await self._queue.update(now, faults=faults)
