# SPDX-License-Identifier: MIT
"""Commands in, answers out: the core of a connection joined to its stream.

Answers are collected and leave in one write when a command has been answered; long ones leave in
slices, each after the client has taken the one before.
"""

from __future__ import annotations

from collections.abc import Callable

from homemail.imap.connection import Connection, Continue, Event, Fatal, Line
from homemail.imap.deflated import Deflated
from homemail.stream import Stream, StreamEnd

SLICE = 128 * 1024
"""Octets of an answer that are collected before they are sent."""


class Hangup(StreamEnd):
    """The server ends the connection, saying why."""

    def __init__(self, farewell: str) -> None:
        super().__init__(farewell)
        self.farewell = farewell


class Dialogue:
    """A stream with the core that reads it."""

    def __init__(self, stream: Stream, connection: Connection, timeout: float) -> None:
        self.stream: Stream | Deflated = stream
        self.connection = connection
        self.timeout = timeout
        self._out: list[bytes] = []
        self._size = 0

    def send(self, *lines: bytes) -> None:
        """Collect whole response lines."""
        self._out += lines
        self._size += sum(map(len, lines))

    def flush(self) -> None:
        """Send what was collected in one write."""
        if self._out:
            self.stream.write(b"".join(self._out))
            self._out.clear()
            self._size = 0

    async def send_slice(self, piece: bytes) -> None:
        """Send a piece of a long answer, as fast as the client takes it."""
        self.send(piece)
        if self._size >= SLICE:
            self.flush()
            await self.stream.drain()

    async def next_event(self) -> Event:
        """Return the next command, or what is wrong with it.

        Raises:
            StreamEnd: there will be none.
        """
        self.flush()
        # What came before the last answer is taken up here, so it is answered in order.
        events = self.connection.resume()
        while True:
            for event in events:
                if isinstance(event, Fatal):
                    raise Hangup(event.text)
                if not isinstance(event, Continue):
                    await self.stream.drain()
                    return event
                self.stream.write(b"+ OK\r\n")
            events = self.connection.receive(await self.stream.read(self.timeout))

    async def read_line(self, seconds: float, on_poke: Callable[[], None] | None = None) -> Line:
        """Return the next line as it is, inside a command; calls ``on_poke`` meanwhile."""
        self.flush()
        events = self.connection.expect_line()
        while not events:
            data = await self.stream.read(seconds)
            if data:
                events = self.connection.receive(data)
            elif on_poke is not None:
                on_poke()
                self.flush()
                await self.stream.drain()
        line = events[0]
        if not isinstance(line, Line):
            raise Hangup("Protocol trouble")
        return line

    def leave(self) -> bytes:
        """Send what was collected; return the octets that came for the next who reads here."""
        self.flush()
        rest = self.connection.take_rest()
        if isinstance(self.stream, Deflated):
            rest += self.stream.finish()
        return rest

    # --- compression

    @property
    def is_compressed(self) -> bool:
        return isinstance(self.stream, Deflated)

    def must_be_empty(self, name: str) -> None:
        """Hang up where octets came behind a command that changes what octets mean."""
        if len(self.connection) or (isinstance(self.stream, Stream) and len(self.stream)):
            raise Hangup(f"Octets behind {name}")

    def compress(self) -> None:
        """Compress from now on, both ways."""
        self.flush()
        if isinstance(self.stream, Stream):
            self.stream = Deflated(self.stream)

    def end(self, farewell: str) -> None:
        """Say BYE, if there is something to be said, and close."""
        if farewell:
            self.send(b"* BYE %b\r\n" % farewell.encode("ascii"))
        self.flush()
        self.connection.receive_eof()
        self.stream.close()
