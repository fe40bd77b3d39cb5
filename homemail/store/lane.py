# SPDX-License-Identifier: MIT
"""One thread per owner for what changes something, another for long reads.

So changes are ordered and need no lock, and a search never delays a delivery.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, Protocol, TypeVar

from homemail.model.session import SessionStart
from homemail.store.api import Store

P = ParamSpec("P")
R = TypeVar("R")


class OwnerMail:
    """An owner's store with its lanes: the async door that sessions and deliveries use.

    ``await mail.change(mailbox.store, uids, change, flags)`` runs in the owner's lane;
    ``await mail.read(mailbox.read_search, key)`` runs beside it.
    """

    def __init__(self, store: Store) -> None:
        self.store = store
        name = f"mail-{store.owner}"
        self._changes = ThreadPoolExecutor(1, thread_name_prefix=f"{name}-change")
        self._reads = ThreadPoolExecutor(1, thread_name_prefix=f"{name}-read")

    async def change(self, call: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> R:
        """Run ``call`` in the owner's lane.

        Cancelling the caller does not stop a call that has begun.
        """
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._changes, lambda: call(*args, **kwargs))

    async def read(self, call: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> R:
        """Run ``call`` beside the lane, after the reads that were asked for before."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._reads, lambda: call(*args, **kwargs))

    async def close(self) -> None:
        """Wait for what was begun, then close the store."""
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(self._reads, lambda: None)
        await loop.run_in_executor(self._changes, self.store.close)
        self._reads.shutdown()
        self._changes.shutdown()


class OpenMail(Protocol):
    """The door from a frontend to an owner's worker, for a client that has authenticated."""

    async def __call__(self, start: SessionStart) -> OwnerMail:
        """Return the owner's mail, shared by all his sessions; the worker closes it, not they.

        Raises:
            Refused: the ticket does not open this account.
            Temporary: the mailboxes cannot be opened now.
        """
