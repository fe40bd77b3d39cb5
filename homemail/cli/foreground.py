# SPDX-License-Identifier: MIT
"""Running a house in the foreground until a signal ends it."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Awaitable, Callable, Sequence

from homemail.app import House
from homemail.log import Log
from homemail.roles.listeners import Listener
from homemail.roles.loop import invite_twisted, new_loop

log = Log("supervisor")

STOP_SECONDS = 3.5


def run_house(
    house: House, listeners: Sequence[Listener], ready: Callable[[], Awaitable[None]]
) -> int:
    """Start the house, call ``ready``, run until SIGTERM or Ctrl-C; return the exit status.

    What was accepted is finished; what takes longer than ``STOP_SECONDS`` is left to the next
    start, which finds it in the queue.
    """
    loop = new_loop()
    invite_twisted(loop)
    try:
        return loop.run_until_complete(_run(house, listeners, ready))
    finally:
        asyncio.set_event_loop(None)


async def _run(
    house: House, listeners: Sequence[Listener], ready: Callable[[], Awaitable[None]]
) -> int:
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    await house.start(listeners)
    try:
        waiting = asyncio.ensure_future(ended.wait())
        starting = asyncio.ensure_future(ready())
        await asyncio.wait((waiting, starting), return_when=asyncio.FIRST_COMPLETED)
        if starting.done():
            starting.result()
        else:
            starting.cancel()
        await waiting
    finally:
        await _stop(house)
    return 0


async def _stop(house: House) -> None:
    try:
        async with asyncio.timeout(STOP_SECONDS):
            await house.stop()
    except TimeoutError:
        log.warning("not everything ended in time", seconds=STOP_SECONDS)
