# SPDX-License-Identifier: MIT
"""What is known of each destination: how many attempts at once, and whether it is dead now."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from homemail.config.queue import QueueSettings
from homemail.model.queue import LineTime
from homemail.model.reply import Reply

_NEVER = LineTime(0.0)


@dataclass(slots=True)
class _Destination:
    window: int
    busy: int = 0
    waiting: list[asyncio.Future[None]] = field(default_factory=list)
    dead_until: LineTime = _NEVER
    last_reply: Reply | None = None


class Destinations:
    """The windows: they begin small, grow by one with each success, halve with each trouble.

    A destination whose hosts could not be reached is left alone for ``minimal_backoff_time``.
    """

    def __init__(self, settings: QueueSettings, now: Callable[[], LineTime]) -> None:
        self._settings = settings
        self._now = now
        self._known: dict[str, _Destination] = {}

    @asynccontextmanager
    async def slot(self, name: str) -> AsyncIterator[None]:
        """Wait for one of the destination's attempts, first come first served."""
        destination = self._get(name)
        if destination.busy >= destination.window:
            turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            destination.waiting.append(turn)
            try:
                await turn
            except asyncio.CancelledError:
                if turn in destination.waiting:
                    destination.waiting.remove(turn)
                else:  # it was our turn already: pass it on
                    destination.busy -= 1
                    self._admit(destination)
                raise
        else:
            destination.busy += 1
        try:
            yield
        finally:
            destination.busy -= 1
            self._admit(destination)
            self._forget_idle(name, destination)

    def dead(self, name: str) -> Reply | None:
        """Return the trouble of a destination that is not to be tried now."""
        destination = self._known.get(name)
        if destination is None or destination.dead_until <= self._now():
            return None
        return destination.last_reply

    def succeeded(self, name: str) -> None:
        """Note that a host answered."""
        destination = self._get(name)
        limit = self._settings.default_destination_concurrency_limit
        destination.window = min(destination.window + 1, max(limit, 1))
        destination.dead_until = _NEVER

    def failed(self, name: str, reply: Reply) -> None:
        """Note that no host could be reached for now."""
        destination = self._get(name)
        destination.window = max(destination.window // 2, 1)
        destination.dead_until = LineTime(self._now() + self._settings.minimal_backoff_time)
        destination.last_reply = reply

    def _get(self, name: str) -> _Destination:
        limit = self._settings.default_destination_concurrency_limit
        window = min(self._settings.initial_destination_concurrency, limit)
        return self._known.setdefault(name, _Destination(window))

    def _admit(self, destination: _Destination) -> None:
        while destination.waiting and destination.busy < destination.window:
            turn = destination.waiting.pop(0)
            if not turn.cancelled():
                destination.busy += 1
                turn.set_result(None)

    def _forget_idle(self, name: str, destination: _Destination) -> None:
        if not destination.busy and not destination.waiting and not self.dead(name):
            self._known.pop(name, None)
