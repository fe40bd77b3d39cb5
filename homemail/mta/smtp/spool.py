# SPDX-License-Identifier: MIT
"""A message while it comes in: in memory up to 256 KB, above that in a file without a name.

Nothing here is durable: the client has no answer yet, and a file without a name is gone with the
process.
"""

from __future__ import annotations

import asyncio
import os
import tempfile
from pathlib import Path

from homemail.errors import MailError, MessageTooBig, from_os_error
from homemail.log import Log
from homemail.model.message import FileContent, MemoryContent, MessageContent

MEMORY_LIMIT = 256 * 1024

_log = Log("smtpd")


class Spool:
    """Takes a message piece by piece; a failure is kept and told at the end.

    Past ``size_limit`` (0: none) and after a failure the pieces are thrown away, so a client that
    goes on sending costs no space.
    """

    def __init__(self, directory: Path, size_limit: int) -> None:
        self._directory = directory
        self._size_limit = size_limit
        self._pieces: list[bytes] = []
        self._in_memory = 0
        self._fd = -1
        self.size = 0
        self.failure: MailError | None = None

    def add(self, piece: bytes) -> None:
        """Take the next octets; ``flush`` must follow when ``is_full``."""
        self.size += len(piece)
        if self.failure is None and 0 < self._size_limit < self.size:
            self._fail(MessageTooBig("Message size exceeds fixed limit"))
        if self.failure is None:
            self._pieces.append(piece)
            self._in_memory += len(piece)

    @property
    def is_full(self) -> bool:
        return self._in_memory > MEMORY_LIMIT

    async def flush(self) -> None:
        """Write what is in memory to the file, in a thread: a slow disk stops nobody else."""
        pieces, self._pieces, self._in_memory = self._pieces, [], 0
        try:
            await asyncio.to_thread(self._write, pieces)
        except OSError as error:
            _log.error("cannot spool a message", directory=self._directory, error=error)
            self._fail(from_os_error(error, "receiving the message"))

    async def content(self) -> MessageContent:
        """Return the whole message, which owns the file from now on.

        Raises:
            MailError: it was too big, or could not be kept.
        """
        if self._fd >= 0 and self._pieces:
            await self.flush()
        if self.failure is not None:
            raise self.failure
        if self._fd < 0:
            return MemoryContent(b"".join(self._pieces))
        fd, self._fd = self._fd, -1
        return FileContent(fd, self.size)

    def close(self) -> None:
        """Let go of what was not made a message."""
        self._pieces = []
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)

    def _fail(self, failure: MailError) -> None:
        self.close()
        self._in_memory = 0
        self.failure = failure

    def _write(self, pieces: list[bytes]) -> None:
        if self._fd < 0:
            with tempfile.TemporaryFile(dir=self._directory, buffering=0) as unnamed:
                self._fd = os.dup(unnamed.fileno())
        data = memoryview(b"".join(pieces))
        while data:
            data = data[os.write(self._fd, data) :]
