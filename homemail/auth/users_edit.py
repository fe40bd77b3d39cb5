# SPDX-License-Identifier: MIT
"""Changes of the account file: under a lock, atomic, durable when they return.

A running server sees each at once. The lock is a file beside it, ``.NAME.lock``; one who edits by
hand needs none, since the file is replaced as a whole. Owner and mode of the file are kept.
"""

from __future__ import annotations

import contextlib
import dataclasses
import stat
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from homemail import durable
from homemail.auth.secret import replaced
from homemail.auth.users_line import UserLine, with_added, with_changed
from homemail.errors import LockTimeout, Permanent

_LOCK_WAIT_SECONDS = 5.0
_LOCK_POLL_SECONDS = 0.02


def add_accounts(path: Path, lines: Sequence[UserLine]) -> None:
    """Add all accounts or none; the file is made where it is not there.

    Raises:
        Permanent: one of the names is there already, or a value cannot stand in the file.
        Temporary: the file cannot be written, or stays locked.
    """
    _change(path, lambda data: with_added(data, tuple(lines)))


def set_secrets(path: Path, name: str, secrets: Sequence[str]) -> None:
    """Replace all secrets of an account (make new ones with ``schemes.new_secrets``).

    Raises:
        NoSuchUser: it is not in the file.
    """
    _change_line(path, name, lambda line: dataclasses.replace(line, secrets=tuple(secrets)))


def replace_secret(path: Path, name: str, old: str, new: Sequence[str]) -> None:
    """Put ``new`` in the place of the secret ``old``, unless that is gone meanwhile.

    Raises:
        NoSuchUser: the account is not in the file.
    """

    def change(line: UserLine) -> UserLine:
        return dataclasses.replace(line, secrets=replaced(line.secrets, old, new))

    _change_line(path, name, change)


def set_option(path: Path, name: str, key: str, value: str | None) -> None:
    """Set an option such as ``quota`` or ``addresses``; ``None`` takes it out.

    Raises:
        NoSuchUser: the account is not in the file.
    """

    def change(line: UserLine) -> UserLine:
        options = {k: v for k, v in line.options.items() if k != key}
        if value is not None:
            options[key] = value
        return dataclasses.replace(line, options=options)

    _change_line(path, name, change)


def set_enabled(path: Path, name: str, enabled: bool) -> None:
    """Let an account log in, or not; its mail keeps arriving.

    Raises:
        NoSuchUser: it is not in the file.
    """
    set_option(path, name, "disabled", None if enabled else "yes")


def rename_account(path: Path, name: str, new_name: str, *, home: Path) -> None:
    """Give an account another name; its mail stays at ``home``, where it is now.

    Raises:
        NoSuchUser: it is not in the file.
        Permanent: the new name is taken or cannot be one.
    """

    def change(line: UserLine) -> UserLine:
        return dataclasses.replace(line, name=new_name, home=line.home or home)

    def checked(data: bytes) -> bytes:
        with_added(with_changed(data, name, lambda line: None), (UserLine(new_name),))
        return with_changed(data, name, change)

    _change(path, checked)


def remove_account(path: Path, name: str) -> None:
    """Take an account out of the file; its home is left alone.

    Raises:
        NoSuchUser: it is not in the file.
    """
    _change_line(path, name, lambda line: None)


def _change_line(path: Path, name: str, change: Callable[[UserLine], UserLine | None]) -> None:
    _change(path, lambda data: with_changed(data, name, change))


def _change(path: Path, change: Callable[[bytes], bytes]) -> None:
    path = path.resolve()  # a link stays a link to the file that is replaced
    with _locked(path), durable.doing(f"changing {path.name}"):
        data, mode, owner = b"", 0o600, None
        with contextlib.suppress(FileNotFoundError), path.open("rb") as file:
            data = file.read()
            found = path.stat()
            mode, owner = stat.S_IMODE(found.st_mode), (found.st_uid, found.st_gid)
        try:
            changed = change(data)
        except ValueError as error:
            raise Permanent(str(error)) from error
        durable.write_atomic(path, changed, mode=mode, owner=owner)


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    lock = _take_lock(path.with_name(f".{path.name}.lock"))
    try:
        yield
    finally:
        lock.close()


def _take_lock(path: Path) -> durable.FileLock:
    deadline = time.monotonic() + _LOCK_WAIT_SECONDS
    while True:
        try:
            return durable.FileLock(path)
        except LockTimeout:
            if time.monotonic() > deadline:
                raise
        time.sleep(_LOCK_POLL_SECONDS)
