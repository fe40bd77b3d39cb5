# SPDX-License-Identifier: MIT
"""Synced, atomic writes: the only module that decides what is on stable storage when.

Every call here returns when its effect is durable, unless its name says otherwise. Each call that
changes the disk goes through ``step`` first, which the crash tests use to stop at any of them.
An ``OSError`` leaves as ``Temporary`` or ``StorageFull``.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path

from homemail.errors import LockTimeout, from_os_error

Step = Callable[[str, str], None]


def _no_step(what: str, where: str) -> None:
    """Do nothing: the hook of the crash tests."""


step: Step = _no_step


@contextlib.contextmanager
def doing(what: str) -> Iterator[None]:
    """Turn an ``OSError`` inside into the typed failure that says ``what`` was being done."""
    try:
        yield
    except OSError as error:
        raise from_os_error(error, what) from error


def sync_directory(directory: Path) -> None:
    """Make the names in ``directory`` durable."""
    step("fsync", str(directory))
    fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def sync_file(fd: int, name: str) -> None:
    """Make the content of an open file durable; ``name`` is for the crash tests."""
    step("fsync", name)
    os.fsync(fd)


def rename(source: Path, target: Path) -> None:
    """Rename; not durable before ``sync_directory`` on both directories."""
    step("rename", str(target))
    os.rename(source, target)


def link(source: Path, target: Path) -> None:
    """Give a file a second name; not durable before ``sync_directory`` on the target's."""
    step("link", str(target))
    os.link(source, target, follow_symlinks=False)


def unlink(path: Path, *, missing_ok: bool = False) -> None:
    """Remove a name; not durable before ``sync_directory``."""
    step("unlink", str(path))
    path.unlink(missing_ok=missing_ok)


def write_atomic(
    path: Path, data: bytes, *, mode: int = 0o600, owner: tuple[int, int] | None = None
) -> None:
    """Replace ``path`` by a file of ``data``: readers see the old or the new, never a part.

    Follows no link at ``path``. The temporary file is in the same directory. With ``owner`` (uid,
    gid) the file is given to them and has exactly ``mode``, whatever the umask.
    """
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(6)}.tmp")
    with doing(f"writing {path.name}"):
        try:
            fd = create(temporary, mode=mode)
            try:
                if owner is not None:
                    os.fchown(fd, *owner)
                    os.fchmod(fd, mode)
                write_all(fd, data, str(temporary))
                sync_file(fd, str(temporary))
            finally:
                os.close(fd)
            rename(temporary, path)
        except BaseException:
            with contextlib.suppress(OSError):
                temporary.unlink()
            raise
        sync_directory(path.parent)


def create(path: Path, *, mode: int = 0o600) -> int:
    """Return a descriptor of a new, empty file; not durable by itself."""
    step("create", str(path))
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, mode)


def append(path: Path, data: bytes) -> None:
    """Add ``data`` at the end of an existing file; a crash may leave the beginning of it there."""
    with doing(f"writing {path.name}"):
        fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            write_all(fd, data, str(path))
            sync_file(fd, str(path))
        finally:
            os.close(fd)


def write_all(fd: int, data: bytes | memoryview, name: str) -> None:
    """Write the whole of ``data`` at the file's position; not durable before ``sync_file``."""
    step("write", name)
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]


def make_directory(path: Path, *, mode: int = 0o700) -> None:
    """Make ``path`` (and what lacks above it), durably; one that exists is left as it is."""
    if path.is_dir():
        return
    if not path.parent.is_dir():
        make_directory(path.parent, mode=mode)
    with doing(f"making the directory {path.name}"):
        step("mkdir", str(path))
        with contextlib.suppress(FileExistsError):
            os.mkdir(path, mode)
        sync_directory(path.parent)


class FileLock:
    """An flock held until closed or until the process ends."""

    def __init__(self, path: Path) -> None:
        """Take the lock at once.

        Raises:
            LockTimeout: another process holds it.
        """
        self.path = path
        with doing(f"opening {path.name}"):
            self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(self._fd)
            raise LockTimeout(f"{path} is locked by another process") from None

    def close(self) -> None:
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)
