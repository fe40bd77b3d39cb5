# SPDX-License-Identifier: MIT
"""A file without a name, for what a client appends.

One file takes all the large literals of a command, so that a thousand messages in one APPEND do
not need a thousand descriptors.
"""

from __future__ import annotations

import io
import os
import tempfile
from typing import BinaryIO

from homemail.durable import doing
from homemail.model.message import FileContent

ON_DISK = "/var/tmp"
"""Better than /tmp, which is in memory on many machines."""


class FileSpool:
    """Literals one after the other in a temporary file that no name leads to."""

    def __init__(self) -> None:
        with doing("storing the message"):
            self._file = tempfile.TemporaryFile(  # noqa: SIM115 (lives as long as we)
                buffering=0, dir=ON_DISK if os.access(ON_DISK, os.W_OK) else None
            )
        self._begun = 0
        self._end = 0

    def write(self, data: bytes) -> None:
        view = memoryview(data)
        with doing("storing the message"):
            while view:
                written = self._file.write(view)
                view = view[written:]
        self._end += len(data)

    def content(self) -> SpooledContent:
        """Return what was written since the last call."""
        begun, self._begun = self._begun, self._end
        return SpooledContent(self._file, begun, self._end - begun)


class SpooledContent:
    """A literal in the file; the file lasts as long as one of them does."""

    __slots__ = ("_file", "_offset", "_size")

    def __init__(self, file: BinaryIO | io.FileIO, offset: int, size: int) -> None:
        self._file = file
        self._offset = offset
        self._size = size

    @property
    def size(self) -> int:
        return self._size

    def open(self) -> BinaryIO:
        with doing("reading the message"):
            return FileContent(os.dup(self._file.fileno()), self._size, self._offset).open()
