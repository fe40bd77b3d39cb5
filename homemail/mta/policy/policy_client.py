# SPDX-License-Identifier: MIT
"""Asks policy services by Postfix's protocol: lines ``name=value``, an empty line, ``action=…``.

Connections are kept and used again; a service that closed one meanwhile is asked once more at
once, as Postfix does.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from homemail.errors import TableUnavailable
from homemail.log import Log

_MOST_IDLE = 10
_ANSWER_LIMIT = 16 * 1024

_log = Log("policy")


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a service listens: a path, or a host and port."""

    path: str = ""
    host: str = ""
    port: int = 0

    @classmethod
    def parse(cls, text: str) -> Endpoint:
        """Return the endpoint in ``unix:path`` or ``inet:host:port``.

        Raises:
            ValueError: it is neither.
        """
        kind, _, rest = text.partition(":")
        if kind == "unix" and rest:
            return cls(path=rest)
        host, _, port = rest.rpartition(":")
        if kind == "inet" and host and port.isdecimal() and 0 < int(port) < 65536:
            return cls(host=host.strip("[]"), port=int(port))
        raise ValueError('expected "unix:path" or "inet:host:port"')


_Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class PolicyClients:
    """The connections to all services. A path that is relative is below ``directory``."""

    def __init__(
        self, directory: Path, *, timeout: float, tries: int = 2, retry_delay: float = 1.0
    ) -> None:
        self._directory = directory
        self._timeout = timeout
        self._tries = tries
        self._retry_delay = retry_delay
        self._idle: dict[Endpoint, list[_Streams]] = {}

    async def ask(self, endpoint: Endpoint, attributes: Mapping[str, str]) -> str:
        """Return the action that the service wants.

        Raises:
            TableUnavailable: it cannot be asked.
        """
        request = "".join(f"{name}={_plain(value)}\n" for name, value in attributes.items()) + "\n"
        for left in reversed(range(self._tries)):
            try:
                async with asyncio.timeout(self._timeout):
                    return await self._ask(endpoint, request.encode())
            except (OSError, EOFError, TimeoutError, ValueError) as error:
                _log.warning("policy service", service=endpoint, error=repr(error), tries_left=left)
                if left:
                    await asyncio.sleep(self._retry_delay)
        raise TableUnavailable("A policy service cannot be asked")

    def close(self) -> None:
        """End every connection."""
        for idle in self._idle.values():
            for _, writer in idle:
                writer.close()
        self._idle.clear()

    async def _ask(self, endpoint: Endpoint, request: bytes) -> str:
        idle = self._idle.setdefault(endpoint, [])
        while idle:
            streams = idle.pop()
            with suppress(OSError, EOFError):  # it was closed while it was idle
                return await self._exchange(endpoint, streams, request)
        return await self._exchange(endpoint, await self._connect(endpoint), request)

    async def _connect(self, endpoint: Endpoint) -> _Streams:
        if endpoint.path:
            path = str(self._directory / endpoint.path)
            return await asyncio.open_unix_connection(path, limit=_ANSWER_LIMIT)
        return await asyncio.open_connection(endpoint.host, endpoint.port, limit=_ANSWER_LIMIT)

    async def _exchange(self, endpoint: Endpoint, streams: _Streams, request: bytes) -> str:
        reader, writer = streams
        try:
            writer.write(request)
            await writer.drain()
            answer = await reader.readuntil(b"\n\n")
        except BaseException:
            writer.close()
            raise
        idle = self._idle.setdefault(endpoint, [])
        if len(idle) < _MOST_IDLE:
            idle.append(streams)
        else:
            writer.close()
        for line in answer.decode("utf-8", "replace").splitlines():
            name, _, value = line.partition("=")
            if name.strip() == "action":
                return value.strip()
        raise ValueError("an answer without an action")


def _plain(value: str) -> str:
    """Return ``value`` without what would begin another line."""
    return "".join("?" if letter in "\r\n\0" else letter for letter in value)
