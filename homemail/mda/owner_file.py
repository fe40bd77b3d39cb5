# SPDX-License-Identifier: MIT
"""Reading files that steer an owner's mail: only those that nobody else could have written.

A file is *absent* when it is not there, or when it cannot be trusted (a link where none may be,
another owner than the account or root, writable for others, not a regular file): that is logged.
Any other trouble is temporary: a home that is not mounted must not look like a home without a
``.forward``.
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path

from homemail.durable import doing
from homemail.errors import Temporary
from homemail.log import Log

log = Log("mda")

LARGEST = 1 << 20


@dataclass(frozen=True, slots=True)
class OwnerFile:
    """The octets of a trusted file; ``version`` changes when the file does."""

    octets: bytes
    version: tuple[int, ...]


def read_owner_file(path: Path, uid: int) -> OwnerFile | None:
    """Return the file at ``path``, or None when it is absent (see the module).

    Raises:
        Temporary: whether the file is there cannot be told.
    """
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY
    try:
        with doing(f"reading {path.name}"):
            fd = os.open(path, flags)
    except Temporary as error:
        _raise_unless_absent(path, error)
        return None
    try:
        with doing(f"reading {path.name}"):
            facts = os.fstat(fd)
            reason = _reason_to_refuse(facts, uid)
            if reason is None:
                octets = os.pread(fd, LARGEST, 0)
                return OwnerFile(octets, _version(facts))
    finally:
        os.close(fd)
    log.warning("file not trusted, passed over", file=path, reason=reason)
    return None


def version(path: Path) -> tuple[int, ...] | None:
    """Return what ``OwnerFile.version`` would be, or None when the file cannot be looked at."""
    try:
        return _version(path.lstat())
    except OSError:
        return None


def _version(facts: os.stat_result) -> tuple[int, ...]:
    return (facts.st_dev, facts.st_ino, facts.st_size, facts.st_mtime_ns, facts.st_ctime_ns)


def _raise_unless_absent(path: Path, error: Temporary) -> None:
    """Return for a file that is absent; raise where that is not sure."""
    try:
        facts = path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        if path.parent.is_dir():
            return
        raise error from None
    except OSError:
        raise error from None
    if stat.S_ISREG(facts.st_mode):
        raise error
    log.warning("file not trusted, passed over", file=path, reason="not a regular file")


def _reason_to_refuse(facts: os.stat_result, uid: int) -> str | None:
    if not stat.S_ISREG(facts.st_mode):
        return "not a regular file"
    if facts.st_uid not in (uid, 0):
        return f"belongs to uid {facts.st_uid}"
    if facts.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        return "others may write to it"
    if facts.st_size > LARGEST:
        return f"larger than {LARGEST} octets"
    return None
