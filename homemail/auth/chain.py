# SPDX-License-Identifier: MIT
"""Several sources of accounts, asked in order: the first that knows a name decides."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from homemail.auth.api import Account, Accounts
from homemail.errors import NoSuchUser
from homemail.model.address import AccountId, Address


class AccountChain:
    """Fulfils ``auth.api.Accounts``. While a source cannot tell, those behind it are not asked."""

    def __init__(self, sources: Sequence[Accounts]) -> None:
        self._sources = tuple(sources)

    async def find(self, name: str) -> Account | None:
        for source in self._sources:
            if account := await source.find(name):
                return account
        return None

    async def find_address(self, address: Address) -> Account | None:
        for source in self._sources:
            if account := await source.find_address(address):
                return account
        return None

    async def all(self) -> Sequence[Account]:
        known: dict[AccountId, Account] = {}
        for source in self._sources:
            for account in await source.all():
                known.setdefault(account.id, account)
        return sorted(known.values(), key=lambda account: account.id)

    async def secrets(self, account: AccountId) -> Sequence[str]:
        source = await self._source_of(account)
        return await source.secrets(account) if source else ()

    async def app_passwords(self, account: AccountId) -> Mapping[str, str]:
        source = await self._source_of(account)
        return await source.app_passwords(account) if source else {}

    async def replace_secret(self, account: AccountId, old: str, new: Sequence[str]) -> None:
        source = await self._source_of(account)
        if source is None:
            raise NoSuchUser("No such user here")
        await source.replace_secret(account, old, new)

    def common_schemes(self) -> frozenset[str]:
        kinds = [source.common_schemes() for source in self._sources]
        return frozenset.intersection(*kinds) if kinds else frozenset()

    def stored_schemes(self) -> frozenset[str]:
        return frozenset().union(*(source.stored_schemes() for source in self._sources))

    async def _source_of(self, account: AccountId) -> Accounts | None:
        for source in self._sources:
            if await source.find(account) is not None:
                return source
        return None
