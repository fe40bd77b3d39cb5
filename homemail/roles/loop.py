# SPDX-License-Identifier: MIT
"""The one event loop: asyncio owns it (uvloop where installed), Twisted is its guest.

``HOMEMAIL_LOOP=asyncio`` keeps the standard library's loop where uvloop is installed.
"""

from __future__ import annotations

import asyncio
import os


def new_loop() -> asyncio.AbstractEventLoop:
    """Return a new event loop, set for this thread; uvloop's where there is one."""
    loop = _uvloop() or asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    return loop


def invite_twisted(loop: asyncio.AbstractEventLoop) -> None:
    """Let Twisted run on ``loop``: once per process, in the loop's thread, before it runs.

    Must come before anything imports ``twisted.internet.reactor``.
    """
    from twisted.internet import asyncioreactor

    asyncioreactor.install(loop)  # type: ignore[no-untyped-call]
    from twisted.internet import reactor

    reactor.startRunning(installSignalHandlers=False)


def _uvloop() -> asyncio.AbstractEventLoop | None:
    if os.environ.get("HOMEMAIL_LOOP") == "asyncio":
        return None
    try:
        import uvloop
    except ImportError:
        return None
    loop: asyncio.AbstractEventLoop = uvloop.new_event_loop()
    return loop
