# SPDX-License-Identifier: MIT
"""A small SMTP server for tests, told what to say and where to break off."""

from __future__ import annotations

import asyncio
import ssl
from dataclasses import dataclass, field

CLOSE = "close"
SILENT = "silent"


@dataclass
class ScriptedServer:
    """Answers each verb by ``says``; the value is a reply, ``CLOSE`` or ``SILENT``.

    ``RCPT`` may be keyed by address. ``close_after`` octets of DATA the connection is cut.
    """

    says: dict[str, str] = field(default_factory=dict)
    offers: tuple[str, ...] = ("PIPELINING", "SIZE 100000000", "8BITMIME")
    lmtp: bool = False
    close_after: int | None = None
    tls: ssl.SSLContext | None = None
    commands: list[str] = field(default_factory=list)
    messages: list[bytes] = field(default_factory=list)
    writers: list[asyncio.StreamWriter] = field(default_factory=list)
    port: int = 0

    async def __aenter__(self) -> ScriptedServer:
        self._server = await asyncio.start_server(self._talk, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        self._tasks: set[asyncio.Task[None]] = set()
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await self._server.wait_closed()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.writers.append(writer)
        try:
            await self._serve(reader, writer)
        except (ConnectionError, ssl.SSLError):
            pass
        finally:
            self._tasks.discard(task)
            writer.transport.abort() if self._cut else writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._cut = False
        if not await self._say(writer, self.says.get("greeting", "220 scripted ESMTP")):
            return
        accepted = 0
        while line := await reader.readline():
            command = line.decode().rstrip("\r\n")
            self.commands.append(command)
            verb = command.split()[0].upper() if command else ""
            path = command.partition("<")[2].partition(">")[0]
            key = path if verb == "RCPT" and path in self.says else verb
            reply = self.says.get(key, self._usual(verb))
            if not await self._say(writer, reply):
                return
            accepted += verb == "RCPT" and reply.startswith("2")
            if verb == "DATA" and reply.startswith("354"):
                if not await self._data(reader, writer, accepted):
                    return
                accepted = 0
            if verb == "STARTTLS" and reply.startswith("220") and self.tls:
                await writer.start_tls(self.tls)
            if verb == "QUIT":
                return

    def _usual(self, verb: str) -> str:
        if verb in ("EHLO", "LHLO"):
            lines = ["scripted", *self.offers, *(["STARTTLS"] if self.tls else [])]
            return "\r\n".join(f"250-{line}" for line in lines[:-1]) + f"\r\n250 {lines[-1]}"
        usual = {"DATA": "354 go on", "QUIT": "221 bye", "STARTTLS": "220 go on"}
        return usual.get(verb, "250 2.0.0 ok")

    async def _say(self, writer: asyncio.StreamWriter, reply: str) -> bool:
        if reply == CLOSE:
            return False
        if reply == SILENT:
            await asyncio.Event().wait()
        writer.write(reply.encode() + b"\r\n")
        await writer.drain()
        return True

    async def _data(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, accepted: int
    ) -> bool:
        message = bytearray()
        while (line := await reader.readline()) not in (b".\r\n", b""):
            message += line[1:] if line.startswith(b".") else line
            if self.close_after is not None and len(message) > self.close_after:
                self._cut = True
                return False
        self.messages.append(bytes(message))
        dots = [
            self.says.get(f"dot{n}", self.says.get("dot", "250 2.0.0 taken"))
            for n in range(accepted if self.lmtp else 1)
        ]
        for reply in dots:
            if not await self._say(writer, reply):
                return False
        return True
