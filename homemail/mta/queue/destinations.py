# SPDX-License-Identifier: MIT
"""What is known of each destination: how many attempts at once, and whether it is dead now."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from homemail.config.queue import QueueSettings
from homemail.model.queue import LineTime
from homemail.model.reply import Reply
from homemail.mta.queue.turns import Turns

_NEVER = LineTime(0.0)


@dataclass(slots=True)
class _Destination:
    turns: Turns
    dead_until: LineTime = _NEVER
    last_reply: Reply | None = None


class Destinations:
    """The windows: they begin small, grow by one with each success, halve with each trouble.

    A destination whose hosts could not be reached is left alone for ``minimal_backoff_time``. All
    destinations of a transport share ``default_process_limit``.
    """

    def __init__(self, settings: QueueSettings, now: Callable[[], LineTime]) -> None:
        self._settings = settings
        self._now = now
        self._known: dict[str, _Destination] = {}
        self._transports: dict[str, Turns] = {}

    @asynccontextmanager
    async def slot(self, name: str, who: str) -> AsyncIterator[None]:
        """Wait for one of the destination's attempts; what ``who`` waits for is tried in turn.

        What stands before the first colon of ``name`` is the transport.
        """
        destination = self._get(name)
        transport = name.partition(":")[0]
        limit = self._settings.default_process_limit
        everything = self._transports.setdefault(transport, Turns(limit))
        try:
            async with destination.turns.slot(who), everything.slot(who):
                yield
        finally:
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
        destination.turns.limit = min(destination.turns.limit + 1, max(limit, 1))
        destination.dead_until = _NEVER

    def failed(self, name: str, reply: Reply) -> None:
        """Note that no host could be reached for now."""
        destination = self._get(name)
        destination.turns.limit = max(destination.turns.limit // 2, 1)
        destination.dead_until = LineTime(self._now() + self._settings.minimal_backoff_time)
        destination.last_reply = reply

    def _get(self, name: str) -> _Destination:
        limit = self._settings.default_destination_concurrency_limit
        window = min(self._settings.initial_destination_concurrency, limit)
        return self._known.setdefault(name, _Destination(Turns(window)))

    def _forget_idle(self, name: str, destination: _Destination) -> None:
        if destination.turns.is_idle and not self.dead(name):
            self._known.pop(name, None)
