# SPDX-License-Identifier: MIT
"""The users of the system as a source of accounts: ``passwd`` and ``shadow``.

Who has a uid within the range of people is an account, and his home is its home. The passwords are
those in ``shadow``, or PAM is asked. The files are looked at before every answer.

Source: passwd(5), shadow(5).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from homemail.auth.api import Account
from homemail.auth.directory import Directory
from homemail.auth.pam import secret_for
from homemail.auth.users_line import check_name
from homemail.errors import Permanent, TableUnavailable
from homemail.model.address import AccountId, Address, account_id
from homemail.watched import WatchedFile

_DAY_SECONDS = 86_400


@dataclass(frozen=True, slots=True)
class UidRange:
    """The uids of people, both ends included."""

    low: int = 1000
    high: int = 59_999


class SystemUsers:
    """Fulfils ``auth.api.Accounts``. With ``pam_service`` PAM checks passwords, not ``shadow``."""

    def __init__(
        self,
        *,
        local_domains: Iterable[str],
        uids: UidRange,
        pam_service: str = "",
        passwd: Path = Path("/etc/passwd"),
        shadow: Path = Path("/etc/shadow"),
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._local_domains = tuple(local_domains)
        self._uids = uids
        self._pam_service = pam_service
        self._passwd = WatchedFile(passwd, clock)
        self._shadow = WatchedFile(shadow, clock)
        self._clock = clock
        self._texts = {"passwd": "", "shadow": ""}
        self._read_on = -1
        self._directory = Directory(self._local_domains)

    async def find(self, name: str) -> Account | None:
        return self._current().find(name)

    async def find_address(self, address: Address) -> Account | None:
        return self._current().find_address(address)

    async def all(self) -> Sequence[Account]:
        return self._current().all()

    async def secrets(self, account: AccountId) -> Sequence[str]:
        return self._current().secrets(account)

    async def app_passwords(self, account: AccountId) -> Mapping[str, str]:
        return {}

    async def replace_secret(self, account: AccountId, old: str, new: Sequence[str]) -> None:
        raise Permanent("The passwords of the system's users are changed by passwd(1)")

    def common_schemes(self) -> frozenset[str]:
        return frozenset()  # crypt's hashes serve no mechanism but those that show the password

    def stored_schemes(self) -> frozenset[str]:
        return frozenset()

    def _current(self) -> Directory:
        """Return the users as the files have them, and as they are valid today."""
        try:
            changed = self._look("passwd", self._passwd)
            if not self._pam_service:
                changed = self._look("shadow", self._shadow) or changed
        except OSError as error:
            raise TableUnavailable("The accounts cannot be read, try again later") from error
        today = int(self._clock() // _DAY_SECONDS)
        if changed or today != self._read_on:
            self._directory, self._read_on = self._read(today), today
        return self._directory

    def _look(self, which: str, file: WatchedFile) -> bool:
        reading = file.changed()
        if reading is None:
            return False
        self._texts[which] = reading.octets.decode("utf-8", "surrogateescape")
        return True

    def _read(self, today: int) -> Directory:
        directory = Directory(self._local_domains)
        hashes = _valid_hashes(self._texts["shadow"], today)
        for fields in _rows(self._texts["passwd"], 7):
            account = self._account(fields)
            if account is None:
                continue
            if self._pam_service:
                secrets = [secret_for(self._pam_service, fields[0])]
            else:
                found = hashes.get(fields[0], "") if fields[1] == "x" else fields[1]
                secrets = [f"{{CRYPT}}{found}"] if found else []  # no password is no login
            try:
                directory.add(account, secrets)
            except ValueError:
                continue  # two users whose names differ in case: the first counts
        return directory

    def _account(self, fields: Sequence[str]) -> Account | None:
        name, _, uid, gid, _, home, _ = fields
        if not (uid.isdecimal() and gid.isdecimal() and home.startswith("/")):
            return None
        if not self._uids.low <= int(uid) <= self._uids.high:
            return None
        try:
            check_name(name)
        except ValueError:
            return None
        return Account(account_id(name), Path(home), int(uid), int(gid))


def _valid_hashes(text: str, today: int) -> dict[str, str]:
    """Return the hash of everybody whose account has not expired (shadow's eighth field)."""
    return {
        fields[0]: fields[1]
        for fields in _rows(text, 9)
        if not fields[7].isdecimal() or today < int(fields[7])
    }


def _rows(text: str, count: int) -> list[list[str]]:
    rows = (line.split(":") for line in text.splitlines())
    return [fields for fields in rows if len(fields) == count and fields[0]]
