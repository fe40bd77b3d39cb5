# SPDX-License-Identifier: MIT
"""Files without a name, for what clients append."""

from __future__ import annotations

import os
import tempfile

from homemail.durable import doing
from homemail.model.message import FileContent


class FileSpool:
    """Octets of one large literal, in a temporary file that no name leads to."""

    def __init__(self) -> None:
        with doing("storing the message"):
            self._file = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115 (lives as long as we)
        self._size = 0

    def write(self, data: bytes) -> None:
        view = memoryview(data)
        with doing("storing the message"):
            while view:
                written = self._file.write(view)
                view = view[written:]
        self._size += len(data)

    def content(self) -> FileContent:
        """Return what was written; it keeps the file, this object is done."""
        with self._file, doing("storing the message"):
            return FileContent(os.dup(self._file.fileno()), self._size)
