# SPDX-License-Identifier: MIT
"""The shell of the SMTP client: a connection to one address, on asyncio streams."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Iterator
from typing import Any, cast

from homemail.errors import NextHopUnreachable
from homemail.message.to_text import to_seven_bit
from homemail.model.message import CHUNK, MemoryContent, MessageContent, chunks, read_all
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
from homemail.mta.sending.tls import ClientTls, trouble_with

_READ = 64 * 1024
_PIECE = 64 * 1024  # octets that must get away within the time of a block
_MORE_SECONDS = 10.0  # for each further reply to what was written at once


async def connect(
    target: Target, options: Options, connect_seconds: float, tls: ClientTls
) -> Connection:
    """Return a connection that has said nothing yet.

    Raises:
        NextHopUnreachable: there is none.
    """
    try:
        async with asyncio.timeout(connect_seconds):
            if target.is_socket:
                streams = await asyncio.open_unix_connection(target.address)
            else:
                streams = await asyncio.open_connection(target.address, target.port)
    except (OSError, TimeoutError) as error:
        raise NextHopUnreachable(f"connect to {target}: {_reason(error)}") from error
    return Connection(streams, target, options, tls)


class Connection:
    """One connection to one host: messages one after the other, then the leave."""

    def __init__(
        self,
        streams: tuple[asyncio.StreamReader, asyncio.StreamWriter],
        target: Target,
        options: Options,
        tls: ClientTls,
    ) -> None:
        self._tls = tls
        self._reader, self._writer = streams
        self._target = target
        self._options = options
        self._core: ClientConnection | None = None
        self._content: MessageContent = MemoryContent(b"")
        self.messages = 0

    @property
    def is_alive(self) -> bool:
        """Whether nothing has come since the last reply, not even the end."""
        reader: Any = self._reader
        return not (reader.at_eof() or reader._buffer or self._writer.transport.is_closing())

    async def hand_over(self, transfer: Transfer, content: MessageContent) -> Finished:
        """Hand a message over; when the answer is not reusable, ``quit`` must follow."""
        self._content = content
        self.messages += 1
        if self._core is None:
            self._core = ClientConnection(transfer, self._options)
            return await self._run(self._core.step)
        return await self._run(self._core.again(transfer))

    async def quit(self) -> None:
        """Take leave and close."""
        try:
            if self._core is not None:
                await self._run(self._core.quit())
        finally:
            self.close()

    def close(self) -> None:
        """Close without leave."""
        self._writer.transport.abort()

    async def _run(self, step: Step) -> Finished:
        while not isinstance(step, Finished):
            step = await self._do(step)
        return step

    async def _do(self, step: Ask | StartTls | SendContent) -> Step:
        core = cast(ClientConnection, self._core)
        try:
            match step:
                case Ask():
                    return await self._ask(core, step)
                case StartTls():
                    return await self._start_tls(core)
                case SendContent():
                    await self._send_content(step)
                    return core.content_sent()
        except TimeoutError:
            return core.lose("timed out")
        except ssl.SSLError:
            return core.lose("Cannot start TLS: handshake failure")
        except OSError:
            return core.lose()

    async def _start_tls(self, core: ClientConnection) -> Step:
        proof = self._options.proof
        context = self._tls.context(proof)
        try:
            await self._writer.start_tls(context, server_hostname=self._target.name)
        except ssl.SSLCertVerificationError as error:
            return core.distrust(f"Server certificate not trusted: {error.verify_message}")
        connection = self._writer.get_extra_info("ssl_object")
        trouble = trouble_with(connection, proof)
        return core.tls_started() if trouble is None else core.distrust(trouble)

    async def _ask(self, core: ClientConnection, ask: Ask) -> Step:
        async with asyncio.timeout(ask.seconds + _MORE_SECONDS * (ask.count - 1)):
            if ask.data:
                await self._write(ask.data)
            step = core.receive(b"")
            while step is None:
                data = await self._reader.read(_READ)
                step = core.receive(data) if data else core.lose()
            return step

    async def _send_content(self, step: SendContent) -> None:
        stuffer = DotStuffer()
        if not step.empty:
            content = self._content
            if step.seven_bit:
                content = await asyncio.to_thread(_seven_bit, content)
            pieces = chunks(content, _PIECE)
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


def _seven_bit(content: MessageContent) -> MessageContent:
    return MemoryContent(b"".join(to_seven_bit(read_all(content))))


def _reason(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "Connection timed out"
    text = getattr(error, "strerror", None) or str(error)
    if isinstance(error, ConnectionRefusedError):
        text = "Connection refused"
    return str(text)
