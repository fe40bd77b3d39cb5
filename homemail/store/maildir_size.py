# SPDX-License-Identifier: MIT
"""``maildirsize``, the file by which programs that share a Maildir++ count its quota.

Its first line says the limits, ``10000000S,1000C`` (octets, messages); every other one is what
came or went, ``4096 1``. maildrop, Courier and others add to it, and count again by themselves
where they do not trust it; so a line that is lost does no harm, and nothing here is synced.
"""

from __future__ import annotations

import os
import re
from contextlib import suppress
from pathlib import Path

from homemail.durable import write_atomic
from homemail.errors import Temporary

NAME = "maildirsize"

_LONGEST = 5120  # octets: past this others count everything again
_LIMIT = re.compile(rb"(\d{1,18})([SC])")
_CHANGE = re.compile(rb"\s*(-?\d{1,18})\s+(-?\d{1,18})\s*")


def is_kept(directory: Path) -> bool:
    """Return whether ``directory``, the Maildir that is INBOX, has such a file."""
    return (directory / NAME).exists()


def read_limits(directory: Path) -> tuple[int, int]:
    """Return the limits that the file in ``directory`` sets: octets and messages, 0 is none."""
    octets = messages = 0
    for number, unit in _LIMIT.findall(_read(directory / NAME).partition(b"\n")[0]):
        if unit == b"S":
            octets = int(number)
        else:
            messages = int(number)
    return octets, messages


def note(directory: Path, octets: int, messages: int) -> None:
    """Write down what this program added or removed."""
    path = directory / NAME
    with suppress(OSError, Temporary):
        fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            os.write(fd, b"%d %d\n" % (octets, messages))
            long = os.fstat(fd).st_size >= _LONGEST
        finally:
            os.close(fd)
        if long:
            write_atomic(path, _summed(_read(path)))


def _summed(data: bytes) -> bytes:
    """Return the file with all changes in one line."""
    head, *lines = data.split(b"\n")
    changes = [(int(found[1]), int(found[2])) for found in map(_CHANGE.fullmatch, lines) if found]
    octets, messages = (sum(column) for column in zip(*changes, strict=True))
    return b"%b\n%d %d\n" % (head, octets, messages)


def _read(path: Path) -> bytes:
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError:
        return b""
    with os.fdopen(fd, "rb") as file:
        return file.read(1 << 20)
