# SPDX-License-Identifier: MIT
"""A file that people edit while the server runs: looked at each time, read when it has changed."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

# A file changed twice within one tick of the file system's clock looks the same: one that is
# younger than this is read again at the next look.
_SETTLED_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Reading:
    """What a file holds; ``mode`` and ``uid`` tell who could have written it."""

    octets: bytes
    mode: int
    uid: int


class WatchedFile:
    """The file at ``path``. ``clock`` is the wall's, as that of file times is."""

    def __init__(self, path: Path, clock: Callable[[], float] = time.time) -> None:
        self.path = path
        self._clock = clock
        self._seen: tuple[int, ...] | None = None

    def changed(self) -> Reading | None:
        """Return what the file holds, or None when it is as it was at the last call.

        The first call after a failure reads it again.

        Raises:
            OSError: it cannot be read.
        """
        seen, self._seen = self._seen, None
        found = self.path.stat()
        facts = (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)
        if facts == seen:
            self._seen = seen
            return None
        with self.path.open("rb") as file:
            octets = file.read()
            opened = os.fstat(file.fileno())
        if self._clock() - found.st_mtime > _SETTLED_SECONDS:
            self._seen = facts
        return Reading(octets, stat.S_IMODE(opened.st_mode), opened.st_uid)
