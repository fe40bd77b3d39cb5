# SPDX-License-Identifier: MIT
"""Accounts found by name and by address, in memory. No IO.

A name without a domain belongs to every local domain. A login name may be an account's name, with
or without domain, or one of its extra addresses; an account's own name goes before an extra
address of the same text.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from homemail.auth.api import Account
from homemail.auth.secret import scheme_of
from homemail.model.address import AccountId, Address, Domain, account_id


class Directory:
    """Accounts and their secrets. ``local_domains``: the first is assumed where a name has none."""

    def __init__(self, local_domains: Iterable[str]) -> None:
        self._local = tuple(dict.fromkeys(Domain.parse(text).name for text in local_domains))
        self._by_name: dict[str, Account] = {}
        self._by_address: dict[str, Account] = {}
        self._secrets: dict[AccountId, tuple[str, ...]] = {}
        self._app_passwords: dict[AccountId, Mapping[str, str]] = {}
        self._common_schemes: frozenset[str] | None = None
        self._stored_schemes: frozenset[str] | None = None

    def add(
        self, account: Account, secrets: Sequence[str], apps: Mapping[str, str] | None = None
    ) -> None:
        """Take in an account.

        Raises:
            ValueError: the name or an extra address is another account's; nothing is taken in.
        """
        key = _name_key(str(account.id))
        extra = [_address_key(address) for address in account.addresses]
        if key is None or key in self._by_name:
            raise ValueError("a name that an account above has already")
        if any(address in self._by_address for address in extra):
            raise ValueError("an extra address that an account above has already")
        self._common_schemes = self._stored_schemes = None
        self._by_name[key] = account
        self._by_address.update(dict.fromkeys(extra, account))
        self._secrets[account.id] = tuple(secrets)
        if apps:
            self._app_passwords[account.id] = apps

    def find(self, name: str) -> Account | None:
        """Return the account with this login name."""
        key = _name_key(name)
        if key is None:
            return None
        local_part, at, domain = key.rpartition("@")
        if at:
            return self._at(local_part, domain)
        account = self._by_name.get(key)
        if account is None and self._local:
            account = self._at(key, self._local[0])
        return account

    def find_address(self, address: Address) -> Account | None:
        """Return the account that has this address."""
        return self._at(str(account_id(address.local_part)), address.domain.name)

    def all(self) -> list[Account]:
        """Return every account, sorted by id."""
        return sorted(self._by_name.values(), key=lambda account: account.id)

    def secrets(self, account: AccountId) -> tuple[str, ...]:
        """Return the account's secrets, none where it may not log in."""
        known = self._by_name.get(_name_key(str(account)) or "")
        return self._secrets[known.id] if known is not None and known.enabled else ()

    def app_passwords(self, account: AccountId) -> Mapping[str, str]:
        """Return the account's secrets for single programs, none where it may not log in."""
        known = self._by_name.get(_name_key(str(account)) or "")
        apps = self._app_passwords.get(known.id) if known is not None and known.enabled else None
        return apps or {}

    def stored_schemes(self) -> frozenset[str]:
        """Return the schemes that any account has a secret of."""
        if self._stored_schemes is None:
            every = (one for secrets in self._secrets.values() for one in secrets)
            self._stored_schemes = frozenset(map(scheme_of, every))
        return self._stored_schemes

    def common_schemes(self) -> frozenset[str]:
        """Return the schemes that every account which may log in has a secret of."""
        if self._common_schemes is None:
            self._common_schemes = self._find_common_schemes()
        return self._common_schemes

    def _find_common_schemes(self) -> frozenset[str]:
        kinds = [
            frozenset(map(scheme_of, self._secrets[account.id]))
            for account in self._by_name.values()
            if account.enabled and self._secrets[account.id]
        ]
        # Who logs in with the password of a program must not be led to a mechanism that only
        # knows the account's own.
        kinds += [
            frozenset(map(scheme_of, apps.values()))
            for name, apps in self._app_passwords.items()
            if self._by_name[_name_key(str(name)) or ""].enabled
        ]
        return frozenset.intersection(*kinds) if kinds else frozenset()

    def _at(self, local_part: str, domain: str) -> Account | None:
        full = f"{local_part}@{domain}"
        account = self._by_name.get(full)
        if account is None and domain in self._local:
            account = self._by_name.get(local_part)
        return account or self._by_address.get(full)


def _name_key(name: str) -> str | None:
    """Return what a name is found by, or None where it cannot be one."""
    local_part, at, domain = name.rpartition("@")
    if not at:
        return str(account_id(name))
    try:
        return f"{account_id(local_part)}@{Domain.parse(domain).name}"
    except ValueError:
        return None


def _address_key(address: Address) -> str:
    return f"{account_id(address.local_part)}@{address.domain.name}"
