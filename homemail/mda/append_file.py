# SPDX-License-Identifier: MIT
"""Filing a message outside the store: appended to an mbox file, or dropped into a Maildir.

mbox: the file is locked both ways (``FILE.lock`` and fcntl), the message begins with a From_ line,
lines that look like one get a ``>``, an empty line ends it; a failed write is taken back. Maildir:
written in ``tmp``, renamed into ``new``. Both are on stable storage when the call returns.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import re
import socket
import stat
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from homemail import durable
from homemail.errors import LockTimeout, Refused, Temporary
from homemail.model.envelope import new_trace

LOCK_TRIES = 20
STALE_LOCK_SECONDS = 500.0  # Postfix's stale_lock_time
_FROM = re.compile(rb"^(>*From )", re.MULTILINE)

Lines = Callable[[], Iterator[bytes]]
"""The message with its fields in front, LF line ends, in pieces that may cut lines."""


def append_mbox(path: Path, first_line: bytes, lines: Lines, uid: int, pause: float = 0.5) -> None:
    """Append to the mbox file at ``path``, which is made if it is missing.

    Raises:
        LockTimeout: another program held the file all the time.
        Refused: it is no regular file, or belongs to somebody else.
        Temporary: the file cannot be written.
    """
    with durable.doing(f"writing {path.name}"), _dot_lock(path, pause):
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        try:
            fd = os.open(path, flags, 0o600)
        except OSError as error:
            if error.errno in (errno.ELOOP, errno.EISDIR, errno.ENXIO):
                raise Refused("The destination is not a regular file") from error
            raise
        try:
            facts = os.fstat(fd)
            if not stat.S_ISREG(facts.st_mode) or facts.st_uid != uid:
                raise Refused("The destination file belongs to somebody else")
            _fcntl_lock(fd, path, pause)
            _append(fd, path, first_line, lines)
        finally:
            os.close(fd)
        durable.sync_directory(path.parent)


def _append(fd: int, path: Path, first_line: bytes, lines: Lines) -> None:
    size = os.fstat(fd).st_size
    last = os.pread(fd, 1, size - 1) if size else b"\n"
    try:
        durable.write_all(fd, (b"" if last == b"\n" else b"\n") + first_line, str(path))
        for piece in _quoted(lines()):
            durable.write_all(fd, piece, str(path))
        durable.sync_file(fd, str(path))
    except BaseException:
        with contextlib.suppress(OSError):
            os.ftruncate(fd, size)
        raise


def _quoted(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Yield whole lines with ``>`` before From, then the line end and the empty line."""
    held = b""
    for piece in pieces:
        whole, newline, held = (held + piece).rpartition(b"\n")
        if newline:
            yield _FROM.sub(rb">\1", whole + newline)
    yield (_FROM.sub(rb">\1", held) + b"\n" if held else b"") + b"\n"


@contextlib.contextmanager
def _dot_lock(path: Path, pause: float) -> Iterator[None]:
    """Hold ``FILE.lock``; where the directory may not be written to, go on without."""
    lock = path.with_name(f"{path.name}.lock")
    held = False
    for _ in range(LOCK_TRIES):
        try:
            os.close(os.open(lock, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
            held = True
            break
        except FileExistsError:
            with contextlib.suppress(FileNotFoundError):
                if time.time() - lock.lstat().st_mtime > STALE_LOCK_SECONDS:
                    lock.unlink()
                    continue
            time.sleep(pause)
        except PermissionError:
            break
    else:
        raise LockTimeout(f"{path.name} is locked by another program")
    try:
        yield
    finally:
        if held:
            lock.unlink(missing_ok=True)


def _fcntl_lock(fd: int, path: Path, pause: float) -> None:
    for _ in range(LOCK_TRIES):
        with contextlib.suppress(BlockingIOError, PermissionError):
            fcntl.lockf(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        time.sleep(pause)
    raise LockTimeout(f"{path.name} is locked by another program")


def drop_in_maildir(directory: Path, home: Path, lines: Lines) -> None:
    """Deliver into the Maildir at ``directory``, which must lie inside ``home``.

    Raises:
        Refused: it lies elsewhere.
        Temporary: it cannot be written.
    """
    try:
        target = directory.resolve()
        inside = target.is_relative_to(home.resolve()) and target != home.resolve()
    except (OSError, RuntimeError) as error:
        raise Temporary("Local trouble while looking at a Maildir, try again later") from error
    if not inside:
        raise Refused("The destination Maildir is outside the home")
    for name in ("tmp", "new", "cur"):
        durable.make_directory(target / name)
    name = f"{int(time.time())}.{new_trace()}P{os.getpid()}.{_host()}"
    with durable.doing(f"writing {directory.name}"):
        _write_and_rename(target / "tmp" / name, target / "new" / name, lines)


def _write_and_rename(temporary: Path, final: Path, lines: Lines) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    fd = os.open(temporary, flags, 0o600)
    try:
        for piece in lines():
            durable.write_all(fd, piece, str(temporary))
        durable.sync_file(fd, str(temporary))
        durable.rename(temporary, final)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise
    finally:
        os.close(fd)
    durable.sync_directory(final.parent)


def _host() -> str:
    return socket.gethostname().replace("/", "\\057").replace(":", "\\072")
