# SPDX-License-Identifier: MIT
"""Accounts held in memory: the twin of the account file, for tests and for a start without one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from homemail.auth.api import Account
from homemail.auth.directory import Directory
from homemail.auth.secret import replaced
from homemail.model.address import AccountId, Address


class MemoryAccounts:
    """Fulfils ``auth.api.Accounts`` with what ``add`` was given."""

    def __init__(self, local_domains: Iterable[str]) -> None:
        self._local_domains = tuple(local_domains)
        self._accounts: dict[AccountId, tuple[Account, tuple[str, ...], Mapping[str, str]]] = {}
        self._directory = Directory(self._local_domains)

    def put(
        self, account: Account, secrets: Sequence[str], apps: Mapping[str, str] | None = None
    ) -> None:
        """Add an account, or replace the one with the same id."""
        self._accounts[account.id] = (account, tuple(secrets), apps or {})
        self._directory = Directory(self._local_domains)
        for known in self._accounts.values():
            self._directory.add(*known)

    async def find(self, name: str) -> Account | None:
        return self._directory.find(name)

    async def find_address(self, address: Address) -> Account | None:
        return self._directory.find_address(address)

    async def all(self) -> Sequence[Account]:
        return self._directory.all()

    async def secrets(self, account: AccountId) -> Sequence[str]:
        return self._directory.secrets(account)

    async def app_passwords(self, account: AccountId) -> Mapping[str, str]:
        return self._directory.app_passwords(account)

    async def replace_secret(self, account: AccountId, old: str, new: Sequence[str]) -> None:
        known, secrets, apps = self._accounts[account]
        self.put(known, replaced(secrets, old, new), apps)

    def common_schemes(self) -> frozenset[str]:
        return self._directory.common_schemes()

    def stored_schemes(self) -> frozenset[str]:
        return self._directory.stored_schemes()
