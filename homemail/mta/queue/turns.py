# SPDX-License-Identifier: MIT
"""A number of slots, given out in turn: whoever wants many waits for those who want one."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Turns:
    """``limit`` slots. A change of ``limit`` counts from the next slot on that becomes free."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._busy = 0
        self._waiting: dict[str, deque[asyncio.Future[None]]] = {}  # the first is next

    @property
    def is_idle(self) -> bool:
        return not self._busy and not self._waiting

    @asynccontextmanager
    async def slot(self, who: str) -> AsyncIterator[None]:
        """Hold a slot; those who wait get one each, round and round."""
        if self._busy < self.limit:
            self._busy += 1
        else:
            await self._wait(who)
        try:
            yield
        finally:
            self._busy -= 1
            self._admit()

    async def _wait(self, who: str) -> None:
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(who, deque()).append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():  # it was our turn already: pass it on
                self._busy -= 1
                self._admit()
            else:
                self._leave(who, turn)
            raise

    def _leave(self, who: str, turn: asyncio.Future[None]) -> None:
        line = self._waiting.get(who, deque())
        if turn in line:
            line.remove(turn)
        if not line:
            self._waiting.pop(who, None)

    def _admit(self) -> None:
        while self._waiting and self._busy < self.limit:
            who = next(iter(self._waiting))
            line = self._waiting.pop(who)
            turn = line.popleft()
            if line:
                self._waiting[who] = line  # behind the others
            if not turn.done():
                self._busy += 1
                turn.set_result(None)
