# SPDX-License-Identifier: MIT
"""The control socket: how commands reach what only the running server may touch.

A UNIX socket ``control`` in ``data_directory``, mode 0600. The other side sends one JSON object in
a line, ``{"job": NAME, ...}``; it gets events, one JSON object per line, the last of them
``{"end": true}``. Closing the connection ends the job at its next event.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
import stat
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from pathlib import Path

from homemail.log import Log

NAME = "control"
_LONGEST = 1 << 20

log = Log("control")

Event = dict[str, object]
Job = Callable[[Mapping[str, object]], AsyncIterator[Event]]


@contextlib.contextmanager
def socket_path(directory: Path) -> Iterator[str]:
    """Give a path to the socket that is short enough for a socket's address."""
    fd = os.open(directory, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{fd}/{NAME}"
    finally:
        os.close(fd)


class Control:
    """The server's side."""

    def __init__(self, directory: Path, jobs: Mapping[str, Job]) -> None:
        self._directory = directory
        self._jobs = jobs
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Listen; where that cannot be, the server runs without and says so."""
        try:
            listening = self._bind()
        except OSError as error:
            log.warning("no control socket", directory=self._directory, reason=error)
            return
        self._server = await asyncio.start_unix_server(self._serve, sock=listening, limit=_LONGEST)

    def _bind(self) -> socket.socket:
        listening = socket.socket(socket.AF_UNIX)
        try:
            with socket_path(self._directory) as path:
                with contextlib.suppress(FileNotFoundError):  # of a server that was killed
                    if stat.S_ISSOCK(os.lstat(path).st_mode):
                        os.unlink(path)
                before = os.umask(0o177)
                try:
                    listening.bind(path)
                finally:
                    os.umask(before)
                listening.listen()
        except BaseException:
            listening.close()
            raise
        return listening

    async def close(self) -> None:
        """End all jobs at once and take the socket away."""
        if self._server is None:
            return
        self._server.close()
        for task in self._open:
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)
        with contextlib.suppress(OSError):
            os.unlink(self._directory / NAME)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is not None:
            self._open.add(task)
            task.add_done_callback(self._open.discard)
        try:
            async for event in self._answer(await reader.readline()):
                writer.write(json.dumps(event).encode() + b"\n")
                await writer.drain()
        except (OSError, ValueError):
            pass  # the other side has gone, or talks nonsense without end
        finally:
            writer.close()

    async def _answer(self, line: bytes) -> AsyncIterator[Event]:
        try:
            request = json.loads(line)
            job = self._jobs[request["job"]]
        except (ValueError, KeyError, TypeError):
            yield {"failed": "the server does not know this request"}
        else:
            try:
                async for event in job(request):
                    yield event
            except Exception:
                log.exception("job failed", job=request["job"])
                yield {"failed": "the server failed; its log says more"}
        yield {"end": True}


def ask(directory: Path, request: Mapping[str, object]) -> Iterator[Event] | None:
    """Return what a running server answers; None where none listens. Blocks.

    Raises:
        PermissionError: the socket is somebody else's.
    """
    connection = socket.socket(socket.AF_UNIX)
    try:
        with socket_path(directory) as path:
            connection.connect(path)
    except PermissionError:
        connection.close()
        raise
    except (FileNotFoundError, ConnectionRefusedError):
        connection.close()
        return None
    connection.sendall(json.dumps(request).encode() + b"\n")
    return _events(connection)


def _events(connection: socket.socket) -> Iterator[Event]:
    with connection, connection.makefile("rb") as lines:
        for line in lines:
            event: Event = json.loads(line)
            if "end" in event:
                return
            yield event
    yield {"failed": "the server ended before it was done"}
