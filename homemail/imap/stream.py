# SPDX-License-Identifier: MIT
"""A connection's octets for a task that reads and writes in its own time.

Back-pressure both ways: what came and was not asked for is held up to ``READ_AHEAD`` octets, then
the transport is paused; ``drain`` waits until a slow client has taken what was written.
"""

from __future__ import annotations

import asyncio
from typing import Any, Protocol

READ_AHEAD = 64 * 1024
SLOW_CLIENT_SECONDS = 300.0
"""How long a client may take nothing of what it asked for."""


class StreamEnd(Exception):
    """The stream ends here; ``farewell`` is for the client, empty where it cannot hear it."""

    farewell = ""


class Disconnected(StreamEnd):
    """The client is gone."""


class TimedOut(StreamEnd):
    """The client said nothing for too long."""

    farewell = "Autologout; idle for too long"


class ShuttingDown(StreamEnd):
    """The server ends."""

    farewell = "Server shutting down"


class Transport(Protocol):
    """What is used of Twisted's TCP transport."""

    def write(self, data: bytes) -> Any: ...

    def pauseProducing(self) -> Any: ...  # noqa: N802

    def resumeProducing(self) -> Any: ...  # noqa: N802

    def loseConnection(self) -> Any: ...  # noqa: N802

    def abortConnection(self) -> Any: ...  # noqa: N802


class Stream:
    """One connection. Used in the loop's thread only, ``poke`` included."""

    def __init__(self, transport: Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._received = bytearray()
        self._end: StreamEnd | None = None
        self._poked = False
        self._paused_reading = False
        self._deadline: float | None = None
        self._closing: asyncio.TimerHandle | None = None
        self._reader: asyncio.Future[None] | None = None
        self._writable: asyncio.Future[None] | None = None

    # --- the transport's side

    def feed(self, data: bytes) -> None:
        self._received += data
        if len(self._received) > READ_AHEAD and not self._paused_reading:
            self._paused_reading = True
            self._transport.pauseProducing()
        self._wake()

    def lost(self) -> None:
        self._end = Disconnected()
        if self._closing is not None:
            self._closing.cancel()
        self._wake()
        self.resume_writing()

    def pause_writing(self) -> None:
        if self._writable is None:
            self._writable = self._loop.create_future()

    def resume_writing(self) -> None:
        waiting, self._writable = self._writable, None
        if waiting is not None and not waiting.done():
            waiting.set_result(None)

    # --- the task's side

    def __len__(self) -> int:
        """Octets that came and were not read."""
        return len(self._received)

    async def read(self, seconds: float) -> bytes:
        """Return what came, at least one octet; nothing at all after ``poke``.

        Raises:
            StreamEnd: the client left, was silent for ``seconds``, or the server ends.
        """
        if not (self._received or self._poked or self._end):
            await self._wait(seconds)
        if isinstance(self._end, ShuttingDown):
            raise self._end
        if self._received:
            data = bytes(self._received)
            self._received.clear()
            self._resume_reading()
            return data
        if self._end:
            raise self._end
        self._poked = False
        return b""

    def set_deadline(self, seconds: float | None) -> None:
        """Let every ``read`` end ``seconds`` from now, whatever it asks for; None lifts it."""
        self._deadline = None if seconds is None else self._loop.time() + seconds

    async def _wait(self, seconds: float) -> None:
        if self._deadline is not None:
            seconds = min(seconds, self._deadline - self._loop.time())
        self._reader = self._loop.create_future()
        timer = self._loop.call_later(seconds, self._time_out, self._reader)
        try:
            await self._reader
        finally:
            timer.cancel()
            self._reader = None

    @staticmethod
    def _time_out(reader: asyncio.Future[None]) -> None:
        if not reader.done():
            reader.set_exception(TimedOut())

    def _resume_reading(self) -> None:
        if self._paused_reading:
            self._paused_reading = False
            self._transport.resumeProducing()

    def _wake(self) -> None:
        if self._reader is not None and not self._reader.done():
            self._reader.set_result(None)

    def poke(self) -> None:
        """Make a ``read`` that waits, or the next one, return."""
        self._poked = True
        self._wake()

    def write(self, data: bytes) -> None:
        if not isinstance(self._end, Disconnected):
            self._transport.write(data)

    async def drain(self) -> None:
        """Wait until the client has taken most of what was written.

        Raises:
            Disconnected: it left, or took nothing for ``SLOW_CLIENT_SECONDS``.
        """
        while self._writable is not None and not isinstance(self._end, Disconnected):
            done, _ = await asyncio.wait({self._writable}, timeout=SLOW_CLIENT_SECONDS)
            if not done:
                self.abort()
                raise Disconnected
        if isinstance(self._end, Disconnected):
            raise self._end

    def stop(self) -> None:
        """Let the task end with a farewell after the command that runs now."""
        if self._end is None:
            self._end = ShuttingDown()
            self._wake()

    def close(self) -> None:
        """Close when everything written has been taken; in ten seconds at the latest."""
        if not isinstance(self._end, Disconnected):
            self._resume_reading()  # a paused transport would not notice the client's end
            self._transport.loseConnection()
            self._closing = self._loop.call_later(10.0, self.abort)

    def abort(self) -> None:
        """Close now."""
        if not isinstance(self._end, Disconnected):
            self._transport.abortConnection()
