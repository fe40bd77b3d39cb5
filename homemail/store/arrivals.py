# SPDX-License-Identifier: MIT
"""Deliveries that come at the same time and share their syncs.

What arrives while others are being filed is the next batch: no timer, and one that comes alone is
filed at once. Each says what to append by yielding it, so that whatever decides where a message
goes is written as if it were alone.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Generator
from typing import Any, TypeVar

from homemail.model.mailbox import Appended
from homemail.store.api import Append, Outcome, Store

R = TypeVar("R")

Filing = Generator[Append, tuple[Appended, ...], R]
"""Yields what to append and is sent where it went; what went wrong is thrown into it."""

MOST = 50
"""Deliveries in one batch; each may hold a message of 256 KiB in memory."""


class Arrivals:
    """The deliveries of one owner that wait for his lane."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._waiting: deque[_Arrival] = deque()

    def add(
        self,
        begin: Callable[[], Filing[R]],
        answer: asyncio.Future[R],
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        """Let ``begin`` run in the next batch; ``take`` must be called after it."""
        self._waiting.append(_Arrival(begin, answer, loop))

    def take(self) -> None:
        """Finish those that wait, in the owner's lane; answers go to the loop."""
        asking: list[tuple[_Arrival, Append]] = []
        for _ in range(MOST):
            if not self._waiting:
                break
            arrival = self._waiting.popleft()
            asked = arrival.begin()
            if asked is not None and asked.alone:
                self._finish([(arrival, asked)])
            elif asked is not None:
                asking.append((arrival, asked))
        self._finish(asking)

    def _finish(self, asking: list[tuple[_Arrival, Append]]) -> None:
        while asking:
            outcomes = self._store.append_all([asked for _, asked in asking])
            asking = [
                (arrival, asked)
                for (arrival, _), outcome in zip(asking, outcomes, strict=True)
                if (asked := arrival.go_on(outcome)) is not None
            ]


class _Arrival:
    """One delivery."""

    def __init__(
        self,
        begin: Callable[[], Filing[Any]],
        answer: asyncio.Future[Any],
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self._begin = begin
        self._answer = answer
        self._loop = loop
        self._filing: Filing[Any]

    def begin(self) -> Append | None:
        """Return what it wants to append; None where it has ended and was answered."""

        def first() -> Append:
            self._filing = self._begin()
            return next(self._filing)

        return self._step(first)

    def go_on(self, outcome: Outcome) -> Append | None:
        """Tell it what became of that, and return what it wants next."""
        if isinstance(outcome, Exception):
            return self._step(lambda: self._filing.throw(outcome))
        return self._step(lambda: self._filing.send(outcome))

    def _step(self, step: Callable[[], Append]) -> Append | None:
        try:
            return step()
        except StopIteration as end:
            self._tell(self._answer.set_result, end.value)
        except Exception as error:  # the caller's affair
            self._tell(self._answer.set_exception, error)
        return None

    def _tell(self, how: Callable[[Any], None], what: object) -> None:
        def tell() -> None:
            if not self._answer.done():  # the caller may have been cancelled
                how(what)

        self._loop.call_soon_threadsafe(tell)
