# SPDX-License-Identifier: MIT
"""A background thread with the event loop (asyncio with Twisted as its guest) for the tests.

Twisted's reactor can be installed once per process, so all tests of a process share it::

    def test_it(loop_thread):
        port = loop_thread.run(start_my_server())        # a coroutine, waited for
        loop_thread.call(factory.shutdown)               # a plain call, in the loop's thread
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from homemail.roles.loop import invite_twisted, new_loop

T = TypeVar("T")


class LoopThread:
    """The loop and its thread; started once, ended with the process."""

    def __init__(self) -> None:
        self.loop: asyncio.AbstractEventLoop
        ready = threading.Event()

        def main() -> None:
            self.loop = new_loop()
            invite_twisted(self.loop)
            self.loop.call_soon(ready.set)
            self.loop.run_forever()

        threading.Thread(target=main, name="loop", daemon=True).start()
        ready.wait()

    def run(self, coroutine: Coroutine[Any, Any, T], timeout: float = 30) -> T:
        """Run ``coroutine`` in the loop and return its result."""
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(timeout)

    def call(self, function: Callable[..., T], *args: Any) -> T:
        """Call ``function`` in the loop's thread and return its result."""

        async def one() -> T:
            return function(*args)

        return self.run(one())

    def listen_twisted(
        self, factory: Any, host: str = "127.0.0.1"
    ) -> tuple[int, Callable[[], None]]:
        """Serve a Twisted factory on a free port; return the port and a function that stops."""

        async def begin() -> Any:
            from twisted.internet import reactor

            return reactor.listenTCP(0, factory, interface=host)  # type: ignore[attr-defined]

        listening = self.run(begin())

        async def end() -> None:
            deferred = listening.stopListening()
            if deferred is not None:
                await deferred.asFuture(self.loop)

        return listening.getHost().port, lambda: self.run(end())

    def listen_asyncio(
        self, factory: Callable[[], asyncio.BaseProtocol], host: str = "127.0.0.1", ssl: Any = None
    ) -> tuple[int, Callable[[], None]]:
        """Serve an asyncio protocol on a free port; return the port and a function that stops."""
        server = self.run(self.loop.create_server(factory, host, 0, ssl=ssl))
        return server.sockets[0].getsockname()[1], lambda: self.call(server.close)
