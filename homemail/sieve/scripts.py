# SPDX-License-Identifier: MIT
"""A person's scripts: plain files in ``~/sieve``, and a link that says which one is active.

Files::

    ~/sieve/NAME.sieve     a script; in NAME, "%", "/" and a "." in front are %25, %2F, %2E
    ~/.homemail.sieve      a link to sieve/NAME.sieve: the active script (mda/script.py runs it)

Invariants:
- a script is replaced whole or not at all, and is durable when ``write`` returns;
- the link points at a script that is there: no crash leaves the owner without the active one;
- nothing is read through a link out of ``~/sieve``, and no file of another user.
"""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from homemail import durable
from homemail.config.sieve import SieveSettings
from homemail.errors import OverQuota, Permanent, Refused
from homemail.model.session import SessionStart

LONGEST_NAME = 200
"""Octets; ``durable.write_atomic`` needs the rest of the 255 for its temporary name."""

_FORBIDDEN = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_SUFFIX = ".sieve"


class NoSuchScript(Permanent):
    """The owner has no script of this name."""


class ScriptExists(Permanent):
    """The owner already has a script of this name."""


class ScriptIsActive(Permanent):
    """The active script cannot be deleted."""


class BadScriptName(Permanent):
    """The name cannot be that of a script."""


class TooManyScripts(OverQuota):
    """The owner may not have another script."""


class ScriptTooBig(OverQuota):
    """The script, or all scripts together, would be too large."""


@dataclass(frozen=True, slots=True)
class ScriptInfo:
    """A row of LISTSCRIPTS."""

    name: str
    active: bool


@dataclass(frozen=True, slots=True)
class ScriptQuota:
    """The most that an owner may keep; for ``scripts`` and ``octets`` 0 is no limit."""

    scripts: int = 50
    script_octets: int = 1_000_000
    octets: int = 10_000_000


def quota_of(settings: SieveSettings) -> ScriptQuota:
    """Return the quota that the settings ask for."""
    return ScriptQuota(
        settings.sieve_quota_max_scripts,
        settings.sieve_max_script_size,
        settings.sieve_quota_max_storage,
    )


class Scripts(Protocol):
    """One owner's scripts. Plain calls, durable when they return; ``OSError`` never leaves."""

    def all(self) -> list[ScriptInfo]:
        """Return every script, sorted by name."""

    def read(self, name: str) -> bytes:
        """Return a script. Raises ``NoSuchScript``."""

    def check_space(self, name: str, octets: int) -> None:
        """Raise ``TooManyScripts`` or ``ScriptTooBig`` where ``write`` would."""

    def write(self, name: str, script: bytes) -> None:
        """Add or replace a script; the caller has compiled it.

        Raises:
            BadScriptName, TooManyScripts, ScriptTooBig: it cannot be kept.
        """

    def delete(self, name: str) -> None:
        """Remove a script. Raises ``NoSuchScript``, ``ScriptIsActive``."""

    def rename(self, name: str, new_name: str) -> None:
        """Rename a script; the active one stays active. Raises ``NoSuchScript``, ``ScriptExists``.

        ``BadScriptName`` for the new name.
        """

    def set_active(self, name: str | None) -> None:
        """Make a script the active one, or none.

        Raises:
            NoSuchScript: there is none of this name.
            Refused: a file written by hand stands where the link would; it is not thrown away.
        """


class OpenScripts(Protocol):
    """The door from a frontend to an owner's worker, for a client that has authenticated."""

    async def __call__(self, start: SessionStart) -> Scripts:
        """Return the owner's scripts.

        Raises:
            Refused: the ticket does not open this account.
            Temporary: they cannot be reached now.
        """


def check_name(name: str) -> None:
    """Refuse what cannot be the name of a script.

    Raises:
        BadScriptName: as it says.

    Source: RFC 5804 §1.6.
    """
    if not name:
        raise BadScriptName("A script needs a name")
    if _FORBIDDEN.search(name):
        raise BadScriptName("A control character in the script's name")
    if len(file_name(name).encode()) > LONGEST_NAME + len(_SUFFIX):
        raise BadScriptName("The script's name is too long")


def file_name(name: str) -> str:
    """Return the name of the file that a script is kept in."""
    quoted = name.replace("%", "%25").replace("/", "%2F")
    return (f"%2E{quoted[1:]}" if quoted.startswith(".") else quoted) + _SUFFIX


def _script_name(file: str) -> str | None:
    stem = file.removesuffix(_SUFFIX)
    name = re.sub("%(25|2F|2E)", lambda found: chr(int(found[1], 16)), stem)
    try:
        check_name(name)
    except BadScriptName:
        return None
    return name if file_name(name) == file else None


class ScriptDirectory:
    """The scripts in one home."""

    def __init__(self, home: Path, quota: ScriptQuota | None = None) -> None:
        self._home = home
        self._directory = home / "sieve"
        self._link = home / ".homemail.sieve"
        self._quota = quota or ScriptQuota()

    def all(self) -> list[ScriptInfo]:
        active = self._active_name()
        return [ScriptInfo(name, name == active) for name in sorted(self._sizes())]

    def read(self, name: str) -> bytes:
        path = self._existing(name)
        with durable.doing("reading a script"):
            return _read_own(path)

    def check_space(self, name: str, octets: int) -> None:
        check_name(name)
        sizes, quota = self._sizes(), self._quota
        if name not in sizes and len(sizes) >= quota.scripts > 0:
            raise TooManyScripts(f"You may keep at most {quota.scripts} scripts")
        if octets > quota.script_octets:
            raise ScriptTooBig(f"A script may have at most {quota.script_octets} octets")
        others = sum(size for other, size in sizes.items() if other != name)
        if others + octets > quota.octets > 0:
            raise ScriptTooBig(f"All scripts together may have at most {quota.octets} octets")

    def write(self, name: str, script: bytes) -> None:
        self.check_space(name, len(script))
        durable.make_directory(self._directory)
        self._check_directory()
        durable.write_atomic(self._path(name), script)

    def delete(self, name: str) -> None:
        path = self._existing(name)
        if name == self._active_name():
            raise ScriptIsActive("The active script cannot be deleted")
        with durable.doing("deleting a script"):
            durable.unlink(path)
            durable.sync_directory(self._directory)

    def rename(self, name: str, new_name: str) -> None:
        path = self._existing(name)
        check_name(new_name)
        with durable.doing("renaming a script"):
            # A second name first and the link before the old name goes: a crash between leaves
            # the script twice, never an active link to nothing.
            try:
                os.link(path, self._path(new_name), follow_symlinks=False)
            except FileExistsError:
                raise ScriptExists("There is a script of this name already") from None
            durable.sync_directory(self._directory)
            if name == self._active_name():
                self._point_at(new_name)
            durable.unlink(path)
            durable.sync_directory(self._directory)

    def set_active(self, name: str | None) -> None:
        if name is not None:
            self._existing(name)
        if self._link.exists() and not self._link.is_symlink():
            raise Refused("The active script is the file .homemail.sieve; move it away first")
        with durable.doing("setting the active script"):
            if name is not None:
                self._point_at(name)
            else:
                durable.unlink(self._link, missing_ok=True)
                durable.sync_directory(self._home)

    def _point_at(self, name: str) -> None:
        temporary = self._home / f".homemail.sieve.{secrets.token_hex(6)}.tmp"
        try:
            temporary.symlink_to(Path("sieve") / file_name(name))
            durable.rename(temporary, self._link)
        except BaseException:
            with contextlib.suppress(OSError):
                temporary.unlink()
            raise
        durable.sync_directory(self._home)

    def _path(self, name: str) -> Path:
        return self._directory / file_name(name)

    def _existing(self, name: str) -> Path:
        if name not in self._sizes():
            raise NoSuchScript("There is no script of this name")
        return self._path(name)

    def _active_name(self) -> str | None:
        try:
            return self._named_by(os.readlink(self._link))
        except OSError:
            return None

    def _named_by(self, link: str) -> str | None:
        directory, _, file = link.rpartition("/")
        if directory not in ("sieve", str(self._directory)):
            return None
        return _script_name(file)

    def _check_directory(self) -> None:
        """Refuse a ``~/sieve`` that is a link or another user's."""
        facts = self._directory.lstat()
        if not stat.S_ISDIR(facts.st_mode) or facts.st_uid != os.geteuid():
            raise Refused("The sieve directory is not the owner's")

    def _sizes(self) -> dict[str, int]:
        with durable.doing("listing the scripts"):
            if not os.path.lexists(self._directory):
                return {}
            self._check_directory()
            return dict(self._scan())

    def _scan(self) -> Iterator[tuple[str, int]]:
        with os.scandir(self._directory) as entries:
            for entry in entries:
                if entry.name.startswith(".") or not entry.name.endswith(_SUFFIX):
                    continue
                name = _script_name(entry.name)
                if name is not None and entry.is_file(follow_symlinks=False):
                    yield name, entry.stat(follow_symlinks=False).st_size


def _read_own(path: Path) -> bytes:
    fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(fd, "rb") as file:
        facts = os.fstat(fd)
        if not stat.S_ISREG(facts.st_mode) or facts.st_uid != os.geteuid():
            raise Refused("The script is not a file of the owner")
        if facts.st_mode & stat.S_IWOTH:
            raise Refused("The script can be written by anybody")
        return file.read()
