# SPDX-License-Identifier: MIT
"""Who is told of changes, and how those that other programs make are noticed (inotify)."""

from __future__ import annotations

import ctypes
import os
import struct
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from homemail.log import Log
from homemail.model.mailbox import Change, Uid
from homemail.store.api import Watcher

log = Log("store")


class Listener:
    """One session in a mailbox: what it is told, and which messages are recent for it.

    ``claims`` is set once it has seen a read-write mailbox: what arrives later is recent there.
    """

    __slots__ = ("claims", "read_only", "recent", "watchers")

    def __init__(self, read_only: bool) -> None:
        self.read_only = read_only
        self.watchers: list[Watcher] = []
        self.recent: frozenset[Uid] = frozenset()
        self.claims = False


class Listeners:
    """The sessions in one mailbox, and the first UID that none of them was told of."""

    __slots__ = ("first_recent", "sessions")

    def __init__(self, first_recent: int = 1) -> None:
        self.first_recent = first_recent
        self.sessions: list[Listener] = []

    def look(self, listener: Listener, uids: Iterable[Uid], uid_next: int) -> None:
        """``listener`` asks what there is: a read-write one takes what is recent as its own."""
        new = frozenset(uid for uid in uids if uid >= self.first_recent)
        if listener.read_only:
            listener.recent = new
            return
        listener.claims = True
        listener.recent |= new
        self.first_recent = uid_next

    def tell(self, changes: Sequence[Change], added: Iterable[Uid], uid_next: int) -> None:
        """Tell all sessions of ``changes``; ``added`` become recent in the first that claims."""
        claiming = next((session for session in self.sessions if session.claims), None)
        if claiming is not None:
            claiming.recent |= frozenset(added)
            self.first_recent = uid_next
        if changes:
            for session in list(self.sessions):
                for watcher in session.watchers:
                    watcher(changes)


_EVENT = struct.Struct("iIII")
_IN_CREATE, _IN_DELETE = 0x100, 0x200
_IN_MOVED_FROM, _IN_MOVED_TO = 0x40, 0x80
_IN_Q_OVERFLOW, _IN_IGNORED, _IN_ONLYDIR = 0x4000, 0x8000, 0x1000000
_ADDED, _GONE = _IN_CREATE | _IN_MOVED_TO, _IN_DELETE | _IN_MOVED_FROM
_MASK = _ADDED | _GONE | _IN_ONLYDIR


class DirectoryWatch:
    """Directories in which somebody else may change names; tells which ones did.

    What this program is about to do there is announced with ``expect`` and not told. Where the
    system has no inotify, ``add`` says so and callers list the directories.
    """

    def __init__(self) -> None:
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._directories: dict[int, str] = {}
        self._numbers: dict[str, int] = {}
        self._expected: Counter[tuple[str, str, bool]] = Counter()
        self._fd = -1
        begin: Callable[[int], int] | None = getattr(self._libc, "inotify_init1", None)
        if begin is not None:
            self._fd = begin(os.O_NONBLOCK | os.O_CLOEXEC)
        if self._fd < 0:
            log.info("changes by other programs are looked for at each command")

    def fileno(self) -> int:
        """Return what becomes readable when something changed; -1 where there is no such thing."""
        return self._fd

    def add(self, directory: Path) -> bool:
        """Begin to watch; False where that is not possible."""
        if self._fd < 0:
            return False
        name = os.fsencode(directory)
        number = self._libc.inotify_add_watch(self._fd, name, ctypes.c_uint32(_MASK))
        if number < 0:
            log.info("directory cannot be watched", directory=directory)
            return False
        self._directories[number] = str(directory)
        self._numbers[str(directory)] = number
        return True

    def remove(self, directory: Path) -> None:
        """Watch no longer."""
        number = self._numbers.pop(str(directory), None)
        if number is not None:
            self._directories.pop(number, None)
            self._libc.inotify_rm_watch(self._fd, number)
            for key in [key for key in self._expected if key[0] == str(directory)]:
                del self._expected[key]

    def expect(self, path: Path, *, gone: bool = False) -> None:
        """The name ``path`` is about to appear, or to go, by our own doing."""
        directory = str(path.parent)
        if directory in self._numbers:
            self._expected[directory, path.name, gone] += 1

    def changed(self) -> set[str]:
        """Return the directories that somebody else changed since the last call."""
        changed: set[str] = set()
        while data := self._read():
            at = 0
            while at < len(data):
                number, mask, _, length = _EVENT.unpack_from(data, at)
                name = data[at + _EVENT.size : at + _EVENT.size + length].rstrip(b"\0")
                at += _EVENT.size + length
                changed |= self._one(number, mask, os.fsdecode(name))
        return changed

    def _one(self, number: int, mask: int, name: str) -> set[str]:
        if mask & _IN_Q_OVERFLOW:
            self._expected.clear()
            return set(self._numbers)
        directory = self._directories.get(number)
        if directory is None or mask & _IN_IGNORED:
            return set()
        key = (directory, name, bool(mask & _GONE))
        if self._expected[key] > 0:
            self._expected[key] -= 1
            if not self._expected[key]:
                del self._expected[key]
            return set()
        return {directory}

    def _read(self) -> bytes:
        if self._fd < 0:
            return b""
        try:
            return os.read(self._fd, 65536)
        except OSError:  # BlockingIOError: nothing there
            return b""

    def close(self) -> None:
        """Stop watching everything."""
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)
        self._directories.clear()
        self._numbers.clear()
