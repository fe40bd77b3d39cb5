# SPDX-License-Identifier: MIT
"""The shell of the SMTP client: one connection to one address, on asyncio streams."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Iterator

from homemail.errors import NextHopUnreachable
from homemail.model.message import CHUNK, MessageContent, chunks
from homemail.mta.sending.client import (
    Ask,
    ClientConnection,
    Finished,
    Options,
    SendContent,
    StartTls,
    Step,
    Transfer,
)
from homemail.mta.sending.hosts import Target
from homemail.mta.sending.stuffing import DotStuffer

_READ = 64 * 1024
_PIECE = 64 * 1024  # octets that must get away within the time of a block
_MORE_SECONDS = 10.0  # for each further reply to what was written at once


async def hand_over(
    target: Target,
    transfer: Transfer,
    options: Options,
    content: MessageContent,
    connect_seconds: float,
) -> Finished:
    """Connect, speak, close; return what became of each recipient.

    Raises:
        NextHopUnreachable: there is no connection.
    """
    try:
        async with asyncio.timeout(connect_seconds):
            streams = await asyncio.open_connection(target.address, target.port)
    except (OSError, TimeoutError) as error:
        raise NextHopUnreachable(f"connect to {target}: {_reason(error)}") from error
    shell = _Shell(streams, ClientConnection(transfer, options), content, target)
    try:
        return await shell.run()
    finally:
        shell.close()


class _Shell:
    def __init__(
        self,
        streams: tuple[asyncio.StreamReader, asyncio.StreamWriter],
        core: ClientConnection,
        content: MessageContent,
        target: Target,
    ) -> None:
        self._reader, self._writer = streams
        self._core = core
        self._content = content
        self._target = target

    async def run(self) -> Finished:
        step = self._core.step
        while not isinstance(step, Finished):
            step = await self._do(step)
        return step

    def close(self) -> None:
        self._writer.transport.abort()

    async def _do(self, step: Ask | StartTls | SendContent) -> Step:
        try:
            match step:
                case Ask():
                    return await self._ask(step)
                case StartTls():
                    await self._writer.start_tls(_context(), server_hostname=self._target.name)
                    return self._core.tls_started()
                case SendContent():
                    await self._send_content(step)
                    return self._core.content_sent()
        except TimeoutError:
            return self._core.lose("timed out")
        except ssl.SSLError:
            return self._core.lose("Cannot start TLS: handshake failure")
        except OSError:
            return self._core.lose()

    async def _ask(self, ask: Ask) -> Step:
        async with asyncio.timeout(ask.seconds + _MORE_SECONDS * (ask.count - 1)):
            if ask.data:
                await self._write(ask.data)
            step = self._core.receive(b"")
            while step is None:
                data = await self._reader.read(_READ)
                step = self._core.receive(data) if data else self._core.lose()
            return step

    async def _send_content(self, step: SendContent) -> None:
        stuffer = DotStuffer()
        if not step.empty:
            pieces = chunks(self._content, _PIECE)
            while piece := await self._next_piece(pieces):
                await self._write_block(stuffer.feed(piece), step.seconds)
        await self._write_block(stuffer.end(), step.seconds)

    async def _next_piece(self, pieces: Iterator[bytes]) -> bytes:
        if self._content.size <= CHUNK:
            return next(pieces, b"")
        return await asyncio.to_thread(next, pieces, b"")

    async def _write_block(self, data: bytes, seconds: float) -> None:
        async with asyncio.timeout(seconds):
            await self._write(data)

    async def _write(self, data: bytes) -> None:
        # uvloop raises RuntimeError on a transport that the other side has closed.
        if self._writer.transport.is_closing():
            raise ConnectionResetError
        self._writer.write(data)
        await self._writer.drain()


def _context() -> ssl.SSLContext:
    """Return a context that encrypts to whoever is there: names are not verified at may."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _reason(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "Connection timed out"
    text = getattr(error, "strerror", None) or str(error)
    if isinstance(error, ConnectionRefusedError):
        text = "Connection refused"
    return str(text)
