# SPDX-License-Identifier: MIT
"""The account file as a source of accounts.

It is looked at before every answer and read again when it has changed, so that a change is seen
at once. A broken line is reported with file and line; the other accounts work. While the file
cannot be read nothing is known: mail is deferred, not refused.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from homemail.auth import users_edit
from homemail.auth.api import Account
from homemail.auth.directory import Directory
from homemail.auth.users_line import UserLine, account_of, accounts_in
from homemail.errors import ConfigError, TableUnavailable
from homemail.log import Log
from homemail.model.address import AccountId, Address
from homemail.watched import Reading, WatchedFile

log = Log("auth")


class UsersFile:
    """Fulfils ``auth.api.Accounts`` out of the file at ``path``.

    ``local_domains`` are those of a name without domain; ``default_home`` has a directory per
    account for lines that name no home. The file need not be there yet.
    """

    def __init__(
        self,
        path: Path,
        *,
        local_domains: Iterable[str],
        default_home: Path,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.path = path
        self._local_domains = tuple(local_domains)
        self._default_home = default_home
        self._file = WatchedFile(path, clock)
        self._read_before: tuple[bytes, bool] | None = None
        self._directory = Directory(self._local_domains)
        self._problems: tuple[ConfigError, ...] = ()

    async def find(self, name: str) -> Account | None:
        return self._current().find(name)

    async def find_address(self, address: Address) -> Account | None:
        return self._current().find_address(address)

    async def all(self) -> Sequence[Account]:
        return self._current().all()

    async def secrets(self, account: AccountId) -> Sequence[str]:
        return self._current().secrets(account)

    async def app_passwords(self, account: AccountId) -> Mapping[str, str]:
        return self._current().app_passwords(account)

    async def replace_secret(self, account: AccountId, old: str, new: Sequence[str]) -> None:
        import asyncio  # the commands that read this file do without it

        await asyncio.to_thread(users_edit.replace_secret, self.path, account, old, new)

    def common_schemes(self) -> frozenset[str]:
        try:
            return self._current().common_schemes()
        except TableUnavailable:
            return frozenset()

    def stored_schemes(self) -> frozenset[str]:
        try:
            return self._current().stored_schemes()
        except TableUnavailable:
            return frozenset()

    def problems(self) -> tuple[ConfigError, ...]:
        """Return what is wrong with the file now, line by line.

        Raises:
            TableUnavailable: it cannot be read.
        """
        self._current()
        return self._problems

    def _current(self) -> Directory:
        """Return the accounts as the file has them now."""
        try:
            reading = self._file.changed()
        except OSError as error:
            raise TableUnavailable("The accounts cannot be read, try again later") from error
        if reading is not None:
            self._read(reading)
        return self._directory

    def _read(self, reading: Reading) -> None:
        data, is_open = reading.octets, bool(reading.mode & 0o007)
        if (data, is_open) == self._read_before:
            return
        directory = Directory(self._local_domains)
        problems: list[ConfigError] = []
        if is_open:
            problems.append(ConfigError("others may use this file, make it 0600", file=self.path))
        for number, line in accounts_in(data):
            trouble = line if isinstance(line, ValueError) else self._add(directory, line)
            if trouble is not None:
                problems.append(ConfigError(str(trouble), file=self.path, line=number))
        self._read_before = (data, is_open)
        self._directory, self._problems = directory, tuple(problems)
        for problem in problems:
            log.warning("the account file has a fault", at=problem)

    def _add(self, directory: Directory, line: UserLine) -> ValueError | None:
        account = account_of(line, self._default_home)
        try:
            directory.add(account, line.secrets, line.app_passwords)
        except ValueError as error:
            return error
        return None
