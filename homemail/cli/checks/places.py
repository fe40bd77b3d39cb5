# SPDX-License-Identifier: MIT
"""The directories: are they there, or can they be made; may the server write, and others not."""

from __future__ import annotations

import os
import pwd
import stat
from collections.abc import Iterator
from pathlib import Path

from homemail.cli.finding import Finding, error, warning
from homemail.config.settings import Settings


def check_places(settings: Settings) -> Iterator[Finding]:
    """Look at the directories of the queue, of the server's memory, and above the homes."""
    owner = settings.site.mail_owner
    uid = server_uid(settings)
    if owner and _uid_of(owner) is None:
        yield error(
            f"mail_owner is {owner}, and there is no such user", f"useradd --system {owner}"
        )
    yield from check_directory("queue_directory", settings.site.queue_directory, uid, private=True)
    yield from check_directory("data_directory", settings.site.data_directory, uid, private=True)
    yield from check_directory("home_base", settings.auth.home_base, uid, private=False)


def server_uid(settings: Settings) -> int | None:
    """Return the uid that the server has when it runs, or None where its user is missing."""
    if os.geteuid() or not settings.site.mail_owner:
        return os.geteuid()
    return _uid_of(settings.site.mail_owner)


def _uid_of(name: str) -> int | None:
    try:
        return pwd.getpwnam(name).pw_uid
    except KeyError:
        return None


def check_directory(
    name: str, directory: Path, uid: int | None, *, private: bool
) -> Iterator[Finding]:
    """Look at a directory that the server, running as ``uid``, writes to.

    ``private``: the server alone uses it, so nobody else has to see what is in it.
    """
    try:
        facts = directory.stat()
    except FileNotFoundError:
        yield from _check_parent(name, directory, uid)
        return
    except OSError as trouble:
        yield error(f"{name} {directory} cannot be looked at: {trouble.strerror}")
        return
    if not stat.S_ISDIR(facts.st_mode):
        yield error(f"{name} {directory} is not a directory", "move it away, or set another one")
        return
    if not _may_write(directory, uid):
        yield error(
            f"{name} {directory} cannot be written to by {user_name(uid)}",
            f"chown {user_name(uid)} {directory}",
        )
    if facts.st_mode & 0o022 and not facts.st_mode & stat.S_ISVTX:
        yield error(f"{name} {directory} can be written to by others", f"chmod go-w {directory}")
    elif private and facts.st_mode & 0o077:
        yield warning(f"{name} {directory} can be read by others", f"chmod 700 {directory}")


def _check_parent(name: str, directory: Path, uid: int | None) -> Iterator[Finding]:
    """Look at what is there above a directory that is not: can it be made."""
    above = next(parent for parent in directory.parents if parent.exists())
    if not above.is_dir():
        yield error(f"{name} {directory} cannot be made: {above} is not a directory")
    elif not _may_write(above, uid):
        yield error(
            f"{name} {directory} is not there, and {user_name(uid)} cannot make it",
            f"install -d -m 700 -o {user_name(uid)} {directory}",
        )


def _may_write(directory: Path, uid: int | None) -> bool:
    if uid in (None, 0, os.geteuid()):
        return os.access(directory, os.W_OK | os.X_OK)
    facts = directory.stat()  # root asks for somebody else
    return facts.st_uid == uid and facts.st_mode & 0o300 == 0o300


def user_name(uid: int | None) -> str:
    """Return the name of the user, or the number where it has none."""
    try:
        return pwd.getpwuid(uid).pw_name if uid is not None else "mail_owner"
    except KeyError:
        return str(uid)
