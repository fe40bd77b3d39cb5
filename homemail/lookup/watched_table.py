# SPDX-License-Identifier: MIT
"""What tables in files share: read when first asked, and again when the file has changed."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Generic, TypeVar

from homemail.errors import TableUnavailable
from homemail.log import Log
from homemail.lookup.api import Problem
from homemail.watched import Reading, WatchedFile

Content = TypeVar("Content")
Read = Callable[[bytes, Path, bool], tuple[Content | None, list[Problem]]]
"""Octets, path, and whether its entries are trusted, to the content and what is wrong with it.

No content: what is wrong leaves nothing to ask.
"""

log = Log("lookup")


class WatchedContent(Generic[Content]):
    """What the file at ``path`` says now, as ``read`` understands it."""

    def __init__(self, path: Path, read: Read[Content]) -> None:
        self.path = path
        self._file = WatchedFile(path)
        self._read = read
        self._content: Content | None = None
        self._problems: tuple[Problem, ...] = ()
        self._read_before: Reading | None = None

    def current(self) -> Content:
        """Return the content.

        Raises:
            TableUnavailable: the file cannot be read, or holds nothing that can be asked.
        """
        try:
            reading = self._file.changed()
        except OSError as error:
            self._content = None
            raise TableUnavailable("A table cannot be read, try again later") from error
        if reading is not None and (reading != self._read_before or self._content is None):
            self._take(reading)
        if self._content is None:
            raise TableUnavailable("A table cannot be used, try again later")
        return self._content

    def problems(self) -> Sequence[Problem]:
        """Return what is wrong with the file as it is now."""
        try:
            self.current()
        except TableUnavailable as error:
            if isinstance(error.__cause__, OSError):
                return (Problem(f"cannot be read: {error.__cause__.strerror}", self.path),)
        return self._problems

    def _take(self, reading: Reading) -> None:
        trusted = reason_not_to_trust(reading) is None
        self._content, problems = self._read(reading.octets, self.path, trusted)
        self._problems = tuple(problems)
        self._read_before = reading
        for problem in problems:
            log.warning("the table has a fault", at=problem)


def reason_not_to_trust(reading: Reading) -> str | None:
    """Return why somebody else could have written a file, or None where nobody could."""
    if reading.uid not in (0, os.geteuid()):
        return f"belongs to uid {reading.uid}"
    if reading.mode & (stat.S_IWGRP | stat.S_IWOTH):
        return "others may write to it"
    return None
