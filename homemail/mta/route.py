# SPDX-License-Identifier: MIT
"""Where a recipient's mail goes: to an account here, to another host, or nowhere.

An address is ours when its domain is in ``mydestination``, or is the literal of one of our own
addresses (RFC 5321 §4.5.1 wants ``postmaster@[192.0.2.1]``). The whole local part is tried first,
then what stands before the first ``recipient_delimiter``.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable

from homemail.auth.api import Account, Accounts
from homemail.config.queue import SendingSettings
from homemail.config.site import SiteSettings
from homemail.errors import ConfigError, TableUnavailable
from homemail.model.address import Address, Domain
from homemail.model.reply import Reply
from homemail.mta.api import Local, NextHop, Relay, Route, RouteRefused
from homemail.mta.next_hop import parse_next_hop, parse_transport

POSTMASTER = "postmaster"


class Router:
    """Decides by domain and account. ``is_own_address`` knows the IP addresses we listen on."""

    def __init__(
        self,
        site: SiteSettings,
        accounts: Accounts,
        sending: SendingSettings | None = None,
        *,
        postmaster: str = "",
        is_own_address: Callable[[str], bool] = frozenset({"127.0.0.1", "::1"}).__contains__,
    ) -> None:
        """Take the settings.

        ``postmaster`` names the account for that address where none has it; empty takes the first.

        Raises:
            ConfigError: a next hop or a name in ``mydestination`` cannot be read.
        """
        sending = sending or SendingSettings()
        self._accounts = accounts
        self._delimiters = site.recipient_delimiter
        self._postmaster = postmaster
        self._transport = sending.default_transport.strip()
        self._relayhost = sending.relayhost.strip()
        self.mydomain = _domain(site.mydomain, "mydomain")
        names = (name for name in site.mydestination if name.strip())
        self._local = frozenset(_domain(name, "mydestination").name for name in names)
        self._is_own_address = is_own_address
        self.next_hop(self.mydomain)  # so that a wrong setting is told of now

    def is_local(self, domain: Domain) -> bool:
        """Whether mail for this domain ends here."""
        if domain.is_literal:
            return self._is_own_address(_literal(domain.name))
        return domain.name in self._local

    async def route(self, address: Address) -> Route:
        """Return where mail for ``address`` goes; a table that cannot answer is a 451."""
        if not self.is_local(address.domain):
            return Relay(self.next_hop(address.domain))
        try:
            return await self._route_here(address)
        except TableUnavailable:
            text = f"<{address}>: Recipient address rejected: the accounts cannot be asked now"
            return RouteRefused(Reply(451, "4.3.0", text))

    def next_hop(self, domain: Domain) -> NextHop:
        """Return where mail for ``domain`` goes when it is not ours.

        A next hop in ``default_transport`` comes first, then ``relayhost``, then the domain
        (Postfix's order).

        Raises:
            ConfigError: one of these settings cannot be read.
        """
        transport, _, hop = self._transport.partition(":")
        parameter = "relayhost" if self._relayhost and not hop else "default_transport"
        try:
            if parameter == "relayhost":
                return parse_next_hop(self._relayhost, transport or "smtp")
            if domain.is_literal and not hop:
                return parse_next_hop(f"[{_literal(domain.name)}]", transport or "smtp")
            return parse_transport(self._transport, domain.name)
        except ValueError as error:
            raise ConfigError(str(error), parameter=parameter) from None

    async def owner(self, address: Address) -> Account | None:
        """Return the account that ``address`` is one of, with or without an extension.

        Raises:
            TableUnavailable: the accounts cannot be asked.
        """
        if not self.is_local(address.domain):
            return await self._accounts.find_address(address)
        found, _ = await self._find(self._named(address))
        return found

    async def _route_here(self, address: Address) -> Route:
        account, detail = await self._find(self._named(address))
        if account is None and address.local_part.casefold() == POSTMASTER:
            account = await self._find_postmaster()
        if account is None:
            text = f"<{address}>: Recipient address rejected: User unknown"
            return RouteRefused(Reply(550, "5.1.1", text))
        if not account.enabled:
            text = f"<{address}>: Recipient address rejected: Mailbox disabled"
            return RouteRefused(Reply(550, "5.2.1", text))
        return Local(account.id, detail, address)

    def _named(self, address: Address) -> Address:
        """Return ``address`` with our domain in place of the literal of one of our addresses."""
        if address.domain.is_literal:
            return Address(address.local_part, self.mydomain)
        return address

    async def _find(self, address: Address) -> tuple[Account | None, str | None]:
        account = await self._accounts.find_address(address)
        if account is not None:
            return account, None
        parted = split_detail(address.local_part, self._delimiters)
        if parted is None:
            return None, None
        user, detail = parted
        return await self._accounts.find_address(Address(user, address.domain)), detail

    async def _find_postmaster(self) -> Account | None:
        if self._postmaster:
            return await self._accounts.find(self._postmaster)
        return next((account for account in await self._accounts.all() if account.enabled), None)


def split_detail(local_part: str, delimiters: str) -> tuple[str, str] | None:
    """Return user and extension of ``user+ext``, or None where there is no extension.

    The first of the ``delimiters`` that occurs behind at least one character parts them.
    """
    for at, letter in enumerate(local_part):
        if at and letter in delimiters:
            return local_part[:at], local_part[at + 1 :]
    return None


def _domain(text: str, parameter: str) -> Domain:
    try:
        return Domain.parse(text.strip())
    except ValueError as error:
        got = f'expected a domain name, got "{text}" ({error})'
        raise ConfigError(got, parameter=parameter) from None


def _literal(text: str) -> str:
    """Return the IP address in ``[192.0.2.1]`` or ``[IPv6:2001:db8::1]`` in its canonical form."""
    inner = text.strip("[]").lower().removeprefix("ipv6:")
    try:
        return str(ipaddress.ip_address(inner))
    except ValueError:
        return inner
