# SPDX-License-Identifier: MIT
"""One thread per owner for what changes something, another for long reads.

So changes are ordered and need no lock, and a search never delays a delivery.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, Protocol, TypeVar

from homemail.errors import MailError
from homemail.log import Log
from homemail.model.session import SessionStart
from homemail.store.api import Store
from homemail.store.arrivals import Arrivals, Filing

P = ParamSpec("P")
R = TypeVar("R")

_MOMENT = 0.1  # seconds
_TIDY_SECONDS = 3600
_TEXTS_SECONDS = 5.0  # without a change; what is not taken in yet is searched by reading it
_TEXTS_PAUSE = 0.05

log = Log("store")


class OwnerMail:
    """An owner's store with its lanes: the async door that sessions and deliveries use.

    ``await mail.change(mailbox.store, uids, change, flags)`` runs in the owner's lane;
    ``await mail.read(mailbox.read_search, key)`` runs beside it.
    """

    def __init__(self, store: Store) -> None:
        self.store = store
        self._arrivals = Arrivals(store)
        self._fd: int | None = None  # what tells of changes by other programs
        self._closing = False
        self._tidying: asyncio.TimerHandle | None = None
        self._texts: asyncio.TimerHandle | None = None
        self._changed_at = 0.0
        name = f"mail-{store.owner}"
        self._changes = ThreadPoolExecutor(1, thread_name_prefix=f"{name}-change")
        self._reads = ThreadPoolExecutor(1, thread_name_prefix=f"{name}-read")

    async def change(self, call: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> R:
        """Run ``call`` in the owner's lane.

        Cancelling the caller does not stop a call that has begun.
        """
        loop = self._begun()
        try:
            return await loop.run_in_executor(self._changes, lambda: call(*args, **kwargs))
        finally:
            self._read_texts_later(loop)

    async def file(self, begin: Callable[[], Filing[R]]) -> R:
        """Run ``begin`` in the owner's lane; what it yields is appended, with that of others.

        Return what it returns. Cancelling the caller stops nothing.
        """
        loop = self._begun()
        answer: asyncio.Future[R] = loop.create_future()
        self._arrivals.add(begin, answer, loop)
        self._changes.submit(self._arrivals.take)
        try:
            return await answer
        finally:
            self._read_texts_later(loop)

    def _begun(self) -> asyncio.AbstractEventLoop:
        """Return the running loop, which from the first change on looks after the mailboxes."""
        loop = asyncio.get_running_loop()
        if self._fd is None:
            self._fd = self.store.changes_fd()
            self._listen(loop)
            loop.call_soon(self._tidy, loop)
        return loop

    async def read(self, call: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> R:
        """Run ``call`` beside the lane, after the reads that were asked for before."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._reads, lambda: call(*args, **kwargs))

    async def close(self) -> None:
        """Wait for what was begun, then close the store."""
        loop = asyncio.get_running_loop()
        self._closing = True
        if self._fd is not None and self._fd >= 0:
            loop.remove_reader(self._fd)
        for timer in (self._tidying, self._texts):
            if timer is not None:
                timer.cancel()
        await loop.run_in_executor(self._reads, lambda: None)
        await loop.run_in_executor(self._changes, self.store.close)
        self._reads.shutdown()
        self._changes.shutdown()

    def _listen(self, loop: asyncio.AbstractEventLoop) -> None:
        if self._fd is not None and self._fd >= 0 and not self._closing:
            loop.add_reader(self._fd, self._something_changed, loop)

    def _something_changed(self, loop: asyncio.AbstractEventLoop) -> None:
        """Our own changes come here too, so look once for all that happen within a moment."""
        assert self._fd is not None  # for the type checker: only then it is listened to
        loop.remove_reader(self._fd)
        loop.call_later(_MOMENT, self._look, loop)

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        if not self._closing:
            looking = loop.run_in_executor(self._changes, self._quietly, self.store.look)
            looking.add_done_callback(lambda _: self._listen(loop))

    def _tidy(self, loop: asyncio.AbstractEventLoop) -> None:
        """Do a little in the lane; others have their turn before the next."""
        if not self._closing:
            tidying = loop.run_in_executor(self._changes, self._quietly, self.store.tidy)
            tidying.add_done_callback(lambda done: self._tidied(loop, more=bool(done.result())))

    def _tidied(self, loop: asyncio.AbstractEventLoop, *, more: bool) -> None:
        wait = 0 if more else _TIDY_SECONDS
        self._tidying = loop.call_later(wait, self._tidy, loop)

    def _read_texts_later(self, loop: asyncio.AbstractEventLoop) -> None:
        self._changed_at = loop.time()
        if self._texts is None and not self._closing:
            self._texts = loop.call_later(_TEXTS_SECONDS, self._read_texts, loop)

    def _read_texts(self, loop: asyncio.AbstractEventLoop) -> None:
        """Read a few messages for full-text search, beside the lane, and leave room for others."""

        def read(done: asyncio.Future[bool | None]) -> None:
            self._texts = (
                loop.call_later(_TEXTS_PAUSE, self._read_texts, loop) if done.result() else None
            )

        quiet = loop.time() - self._changed_at
        if quiet < _TEXTS_SECONDS:
            self._texts = loop.call_later(_TEXTS_SECONDS - quiet, self._read_texts, loop)
        elif not self._closing:
            reading = loop.run_in_executor(self._reads, self._quietly, self.store.read_texts)
            reading.add_done_callback(read)

    def _quietly(self, call: Callable[[], R]) -> R | None:
        """Do what nobody waits for."""
        try:
            return call()
        except MailError as error:
            log.warning("mailboxes could not be looked after", reason=error.text)
        except Exception:
            log.exception("mailboxes could not be looked after", owner=self.store.owner)
        return None


class OpenMail(Protocol):
    """The door from a frontend to an owner's worker, for a client that has authenticated."""

    async def __call__(self, start: SessionStart) -> OwnerMail:
        """Return the owner's mail, shared by all his sessions; the worker closes it, not they.

        Raises:
            Refused: the ticket does not open this account.
            Temporary: the mailboxes cannot be opened now.
        """
