# SPDX-License-Identifier: MIT
"""The clock of ages and waits: seconds that the server ran, kept over its ends.

It does not know the time of day, so a machine whose clock starts in 1970 bounces nothing, and
mail does not grow old while the server is off. It is written now and then, and again at the end;
after a crash it goes on at its last reading or at the latest one that an entry names.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from pathlib import Path

from homemail import durable
from homemail.errors import Temporary
from homemail.log import Log
from homemail.model.queue import LineTime

_FORMAT = "homemail-clock 1\n"

log = Log("queue")


class LineClock:
    """Reads ``monotonic`` seconds on top of what was read before the last end."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._base = 0.0
        self._started = monotonic()
        self._path: Path | None = None

    def now(self) -> LineTime:
        return LineTime(self._base + self._monotonic() - self._started)

    def advance_to(self, reading: LineTime) -> None:
        """Go on at ``reading`` if that is later than now."""
        self._base += max(0.0, reading - self.now())

    def load(self, path: Path) -> None:
        """Go on where ``path`` says, and save there from now on."""
        self._path = path
        self.advance_to(read_clock(path))

    def save(self) -> None:
        """Write the reading, durably; a failure is logged: the clock may go back a little."""
        if self._path is None:
            return
        try:
            durable.write_atomic(self._path, f"{_FORMAT}{self.now():.3f}\n".encode())
        except Temporary as error:
            log.warning("cannot write the clock", reason=error.__cause__)


def read_clock(path: Path) -> LineTime:
    """Return the reading in ``path``; 0 where there is none."""
    try:
        text = path.read_text("ascii", "replace")
    except OSError:
        return LineTime(0.0)
    match = re.fullmatch(_FORMAT + r"(\d{1,15}(?:\.\d{1,9})?)\n", text)
    return LineTime(float(match[1]) if match else 0.0)
