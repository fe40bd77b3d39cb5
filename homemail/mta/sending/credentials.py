# SPDX-License-Identifier: MIT
"""Names and passwords for next hops: Postfix's ``sasl_passwd``, read straight from its text.

Lines are ``key user:password``. The key is a next hop as ``relayhost`` writes it
(``[mail.isp.example]:587``), its host alone, or a sender's address where senders have passwords of
their own. Lines that begin with ``#`` are comments, those
that begin with a blank go on with the line before.
"""

from __future__ import annotations

import re
import stat
from dataclasses import dataclass, field
from pathlib import Path

from homemail.errors import TableUnavailable
from homemail.log import Log
from homemail.model.address import ReversePath
from homemail.mta.api import NextHop

log = Log("smtp")


@dataclass(frozen=True, slots=True)
class Credentials:
    """A name and its password, which is never shown."""

    user: str
    password: str = field(repr=False)


class PasswordMap:
    """The credentials in a file, read again when it changes."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen: tuple[int, int, int] | None = None
        self._entries: dict[str, Credentials] = {}

    def find(self, next_hop: NextHop, sender: ReversePath = None) -> Credentials | None:
        """Return the credentials of ``sender``, else those for ``next_hop``, if there are any.

        Raises:
            TableUnavailable: the file cannot be read.
        """
        try:
            facts = self._path.stat()
            seen = (facts.st_mtime_ns, facts.st_size, facts.st_ino)
            if seen != self._seen:
                self._entries = self._parse(self._path.read_text("utf-8", "replace"))
                self._seen = seen
                if facts.st_mode & (stat.S_IROTH | stat.S_IWOTH):
                    log.warning("passwords are open to everybody", file=str(self._path))
        except OSError as error:
            raise TableUnavailable("The passwords for other hosts cannot be read") from error
        host = next_hop.host
        port = next_hop.port
        own = () if sender is None else (str(sender).lower(),)
        keys = (*own, f"[{host}]:{port}", f"{host}:{port}", f"[{host}]", host)
        return next((self._entries[key] for key in keys if key in self._entries), None)

    def _parse(self, text: str) -> dict[str, Credentials]:
        entries = {}
        lines = (line for line in text.splitlines() if line.strip() and not line.startswith("#"))
        for line in re.sub(r"\n[ \t]+", " ", "\n".join(lines)).splitlines():
            key, *rest = line.split(maxsplit=1)
            value = "".join(rest)
            user, colon, password = value.strip().partition(":")
            if colon:
                entries[key.lower()] = Credentials(user, password)
            else:
                log.warning("a line without user:password", file=str(self._path), key=key)
        return entries
