# SPDX-License-Identifier: MIT
"""``unix:passwd.byname`` and ``unix:group.byname``: the system's users and groups."""

from __future__ import annotations

import asyncio
import grp
import pwd
from collections.abc import Callable, Mapping, Sequence

from homemail.errors import TableUnavailable
from homemail.lookup.api import Found, Problem


def _user(name: str) -> str:
    user = pwd.getpwnam(name)
    words = (user.pw_name, "*", user.pw_uid, user.pw_gid, user.pw_gecos, user.pw_dir, user.pw_shell)
    return ":".join(map(str, words))


def _group(name: str) -> str:
    group = grp.getgrnam(name)
    return f"{group.gr_name}:*:{group.gr_gid}:{','.join(group.gr_mem)}"


_SOURCES: Mapping[str, Callable[[str], str]] = {"passwd.byname": _user, "group.byname": _group}


class UnixTable:
    """A database of the system; the value is its line, without the password."""

    is_pattern = False

    def __init__(self, name: str, find: Callable[[str], str]) -> None:
        self.name = name
        self._find = find

    async def lookup(self, key: str) -> Found | None:
        if not key or "\0" in key or "@" in key:
            return None
        try:
            # The system may ask a directory server: not in the loop.
            line = await asyncio.to_thread(self._find, key)
        except (KeyError, UnicodeError):
            return None
        except OSError as error:
            raise TableUnavailable("The users cannot be asked, try again later") from error
        return Found(line, self.name)

    async def problems(self) -> Sequence[Problem]:
        return ()

    def close(self) -> None:
        """Nothing is held open."""


def open_unix(name: str, source: str) -> UnixTable:
    """Return the system's database ``source``; raises ``ValueError``."""
    find = _SOURCES.get(source)
    if find is None:
        raise ValueError(f"expected one of {', '.join(_SOURCES)}")
    return UnixTable(name, find)
