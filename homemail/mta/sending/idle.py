# SPDX-License-Identifier: MIT
"""Connections that are kept for a moment, so that the next message finds one open."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass

from homemail.mta.sending.client import Options
from homemail.mta.sending.connection import Connection
from homemail.mta.sending.hosts import Target

Key = tuple[Target, Options]
"""Where to, and how it was opened: another password or TLS policy needs another connection."""


@dataclass(frozen=True, slots=True)
class _Kept:
    connection: Connection
    timer: asyncio.TimerHandle


class IdleConnections:
    """Keeps each for ``seconds``, and takes leave of it in the background."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._kept: dict[Key, list[_Kept]] = {}
        self._leaving: set[asyncio.Task[None]] = set()

    def has(self, key: Key) -> bool:
        return key in self._kept

    def take(self, key: Key) -> Connection | None:
        """Return an open connection, the one used last; None when there is none."""
        while kept := self._kept.get(key):
            one = kept.pop()
            if not kept:
                del self._kept[key]
            one.timer.cancel()
            if one.connection.is_alive:
                return one.connection
            one.connection.close()
        return None

    def keep(self, key: Key, connection: Connection) -> None:
        if not self._seconds:
            self.leave(connection)
            return
        loop = asyncio.get_running_loop()
        timer = loop.call_later(self._seconds, self._expire, key, connection)
        self._kept.setdefault(key, []).append(_Kept(connection, timer))

    def leave(self, connection: Connection) -> None:
        """Say QUIT without anybody waiting for its answer."""
        self._in_background(connection.quit())

    async def close(self) -> None:
        """Take leave of all."""
        for key in list(self._kept):
            while (connection := self.take(key)) is not None:
                self.leave(connection)
        if self._leaving:
            await asyncio.wait(self._leaving)

    def _expire(self, key: Key, connection: Connection) -> None:
        kept = [one for one in self._kept.pop(key, []) if one.connection is not connection]
        if kept:
            self._kept[key] = kept
        self.leave(connection)

    def _in_background(self, work: Coroutine[object, object, None]) -> None:
        task = asyncio.ensure_future(work)
        self._leaving.add(task)
        task.add_done_callback(self._leaving.discard)
