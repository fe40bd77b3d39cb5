# SPDX-License-Identifier: MIT
"""One POP3 session per account at a time: the exclusive lock on the maildrop.

IMAP sessions and deliveries do not take it.

Source: RFC 1939 §4.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

from homemail.errors import LockTimeout
from homemail.model.address import AccountId


class MaildropLocks:
    """The locks of all accounts; those that nobody wants are forgotten."""

    def __init__(self) -> None:
        self._locks: dict[AccountId, tuple[asyncio.Lock, int]] = {}

    @contextlib.asynccontextmanager
    async def held(self, account: AccountId, timeout_seconds: float) -> AsyncIterator[None]:
        """Hold the account's lock while the context lasts.

        Raises:
            LockTimeout: another session kept it for ``timeout_seconds``.
        """
        lock, users = self._locks.get(account, (asyncio.Lock(), 0))
        self._locks[account] = (lock, users + 1)
        try:
            try:
                await asyncio.wait_for(lock.acquire(), timeout_seconds)
            except TimeoutError:
                raise LockTimeout("Another session has this mail open") from None
            try:
                yield
            finally:
                lock.release()
        finally:
            self._leave(account)

    def _leave(self, account: AccountId) -> None:
        lock, users = self._locks.pop(account)
        if users > 1:
            self._locks[account] = (lock, users - 1)
