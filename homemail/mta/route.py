# SPDX-License-Identifier: MIT
"""Where a recipient's mail goes: to an account here, to another host, or nowhere.

The address is final: ``mta.addresses`` has rewritten and expanded it. Its domain is one of five
kinds, looked for in this order: in ``mydestination`` or the literal of one of our own addresses
(RFC 5321 §4.5.1 wants ``postmaster@[192.0.2.1]``), in ``virtual_alias_domains``, in
``virtual_mailbox_domains``, in ``relay_domains``, or elsewhere. An account is looked for by the
whole local part first, then by what stands before the first ``recipient_delimiter``.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from dataclasses import replace
from enum import Enum

from homemail.auth.api import Account, Accounts
from homemail.config.addresses import AddressSettings
from homemail.config.queue import SendingSettings
from homemail.config.site import SiteSettings
from homemail.errors import ConfigError, TableUnavailable
from homemail.log import Log
from homemail.lookup.api import Found
from homemail.lookup.maps import Maps
from homemail.model.address import Address, Domain, ReversePath
from homemail.model.reply import Reply
from homemail.mta.addresses.keys import find_address, find_transport, plain, split_detail
from homemail.mta.addresses.steps import Note, Step, silent
from homemail.mta.addresses.tables import open_tables
from homemail.mta.api import Local, NextHop, Relay, Route, RouteRefused
from homemail.mta.next_hop import parse_next_hop, parse_transport
from homemail.mta.sending.fixed import refusal

POSTMASTER = "postmaster"
_HERE = frozenset({"local", "virtual"})
_NULL_SENDER = "<>"  # the key of the null sender, as in Postfix

log = Log("route")


class DomainKind(Enum):
    """What a domain is to us; the value names the setting that says so."""

    LOCAL = "mydestination"
    VIRTUAL_ALIAS = "virtual_alias_domains"
    VIRTUAL_MAILBOX = "virtual_mailbox_domains"
    RELAY = "relay_domains"
    ELSEWHERE = ""


class Router:
    """Decides by domain, table and account. ``is_own_address`` knows the IP addresses of ours."""

    def __init__(
        self,
        site: SiteSettings,
        accounts: Accounts,
        sending: SendingSettings | None = None,
        *,
        addresses: AddressSettings | None = None,
        postmaster: str = "",
        is_own_address: Callable[[str], bool] = frozenset({"127.0.0.1", "::1"}).__contains__,
    ) -> None:
        """Take the settings.

        ``postmaster`` names the account for that address where none has it; empty takes the first.

        Raises:
            ConfigError: a next hop, a table or a name in ``mydestination`` cannot be read.
        """
        sending = sending or SendingSettings()
        self.settings = addresses or AddressSettings()
        self.tables = open_tables(self.settings)
        self.delimiters = site.recipient_delimiter
        self._accounts = accounts
        self._postmaster = postmaster
        self._transport = sending.default_transport.strip()
        self._relayhost = sending.relayhost.strip()
        self.mydomain = _domain(site.mydomain, "mydomain")
        self.origin = _domain(site.myorigin or site.mydomain, "myorigin")
        names = (name for name in site.mydestination if name.strip())
        self._local = frozenset(_domain(name, "mydestination").name for name in names)
        self._is_own_address = is_own_address
        self.next_hop(self.mydomain)  # so that a wrong setting is told of now

    def is_local(self, domain: Domain) -> bool:
        """Whether mail for this domain ends here, in an account or by an alias."""
        if domain.is_literal:
            return self._is_own_address(_literal(domain.name))
        return domain.name in self._local

    def is_own_address(self, address: str) -> bool:
        """Whether this is an IP address that we listen on."""
        return self._is_own_address(address)

    def is_ours(self, domain: Domain) -> bool:
        """Whether a table may have an address of this domain by its local part alone."""
        return domain == self.origin or self.is_local(domain)

    async def kind(self, domain: Domain, note: Note = silent) -> DomainKind:
        """Return what ``domain`` is to us.

        Raises:
            TableUnavailable: a table of domains cannot be asked.
        """
        if self.is_local(domain):
            note(Step("mydestination", domain.name, "a domain of ours"))
            return DomainKind.LOCAL
        for kind, domains in (
            (DomainKind.VIRTUAL_ALIAS, self.tables.virtual_alias_domains),
            (DomainKind.VIRTUAL_MAILBOX, self.tables.virtual_mailbox_domains),
            (DomainKind.RELAY, self.tables.relay_domains),
        ):
            found = await domains.find(domain)
            if found is not None:
                note(Step(kind.value, domain.name, _MEANING[kind], found.where))
                return kind
        return DomainKind.ELSEWHERE

    async def route(
        self, address: Address, sender: ReversePath = None, note: Note = silent
    ) -> Route:
        """Return where mail from ``sender`` for ``address`` goes; what cannot be told is a 451."""
        try:
            return await self._route(address, sender, note)
        except TableUnavailable:
            return temporary(address)

    async def _route(self, address: Address, sender: ReversePath, note: Note) -> Route:
        moved = await self._relocated(address, note)
        if moved is not None:
            return moved
        kind = await self.kind(address.domain, note)
        transport = await find_transport(self.tables.transport_maps, address, self.delimiters)
        if transport is not None and transport.strip() != ":":  # which says: as if I were not here
            note(Step("transport_maps", plain(address), transport, transport.where))
            is_here = transport.strip().partition(":")[0] in _HERE
            if is_here and kind in (DomainKind.RELAY, DomainKind.ELSEWHERE):
                named = Address(address.local_part, self.mydomain)
                return await self._route_here(named, DomainKind.LOCAL, note)
            if not is_here and kind is not DomainKind.VIRTUAL_ALIAS:
                return _by_table(transport, address, kind)
        if kind in (DomainKind.RELAY, DomainKind.ELSEWHERE):
            hop = await self._next_hop(address.domain, sender, note)
            return Relay(hop, invited=kind is DomainKind.RELAY)
        return await self._route_here(address, kind, note)

    async def _relocated(self, address: Address, note: Note) -> RouteRefused | None:
        match = await find_address(
            self.tables.relocated_maps,
            address,
            is_ours=self.is_ours(address.domain),
            delimiters=self.delimiters,
        )
        if match is None:
            return None
        note(Step("relocated_maps", plain(address), match.value, match.value.where))
        moved = "".join(letter if letter.isprintable() else "?" for letter in match.value)
        text = f"<{address}>: Recipient address rejected: User has moved to {moved}"
        return RouteRefused(Reply(550, "5.1.6", text))

    async def _next_hop(self, domain: Domain, sender: ReversePath, note: Note) -> NextHop:
        """Return the next hop, with what the tables say for the sender."""
        tables = self.tables
        transport = await self._for_sender(tables.sender_dependent_default_transport_maps, sender)
        relayhost = await self._for_sender(tables.sender_dependent_relayhost_maps, sender)
        for parameter, found in (
            ("sender_dependent_default_transport_maps", transport),
            ("sender_dependent_relayhost_maps", relayhost),
        ):
            if found is not None:
                note(
                    Step(
                        parameter,
                        _NULL_SENDER if sender is None else plain(sender),
                        found,
                        found.where,
                    )
                )
        try:
            hop = self.next_hop(domain, transport, relayhost)
        except ConfigError as error:
            log.error("no next hop in a table", why=error)
            raise TableUnavailable("A table has no next hop where one is expected") from None
        if transport is None and relayhost is None:
            setting = "relayhost" if self._relayhost else "default_transport"
            note(Step(setting, domain.name, str(hop)))
        return hop

    async def _for_sender(self, maps: Maps, sender: ReversePath) -> Found | None:
        if not maps:
            return None
        if sender is None:
            found = await maps.lookup(_NULL_SENDER)
        else:
            match = await find_address(
                maps, sender, is_ours=self.is_ours(sender.domain), delimiters=self.delimiters
            )
            found = match.value if match else None
        return None if found is None or found.strip().upper() == "DUNNO" else found

    def next_hop(
        self, domain: Domain, transport: str | None = None, relayhost: str | None = None
    ) -> NextHop:
        """Return where mail for ``domain`` goes when it is not ours.

        A next hop in the transport comes first, then the relayhost, then the domain (Postfix's
        order). ``transport`` and ``relayhost`` stand for the settings where they are given.

        Raises:
            ConfigError: one of them cannot be read.
        """
        transport = self._transport if transport is None else transport.strip()
        relayhost = self._relayhost if relayhost is None else relayhost.strip()
        name, _, hop = transport.partition(":")
        parameter = "relayhost" if relayhost and not hop else "default_transport"
        try:
            if parameter == "relayhost":
                return parse_next_hop(relayhost, name or "smtp")
            if domain.is_literal and not hop:
                return parse_next_hop(f"[{_literal(domain.name)}]", name or "smtp")
            return parse_transport(transport, domain.name)
        except ValueError as error:
            raise ConfigError(str(error), parameter=parameter) from None

    async def owner(self, address: Address) -> Account | None:
        """Return the account that ``address`` is one of, with or without an extension.

        Raises:
            TableUnavailable: the accounts cannot be asked.
        """
        kind = await self.kind(address.domain)
        if kind not in (DomainKind.LOCAL, DomainKind.VIRTUAL_MAILBOX):
            return await self._accounts.find_address(address)
        found, _ = await self._find(self._named(address))
        return found

    async def _route_here(self, address: Address, kind: DomainKind, note: Note) -> Route:
        account, detail = None, None
        try:
            if kind is not DomainKind.VIRTUAL_ALIAS:
                account, detail = await self._find(self._named(address))
            if account is None and kind is DomainKind.VIRTUAL_MAILBOX:
                account, detail = await self._find_mapped(address, note)
            if account is None and address.local_part.casefold() == POSTMASTER:
                account = await self._find_postmaster()
        except TableUnavailable:
            text = f"<{address}>: Recipient address rejected: the accounts cannot be asked now"
            return RouteRefused(Reply(451, "4.3.0", text))
        fallback = self.settings.fallback_transport.strip()
        if account is None and kind is DomainKind.LOCAL and fallback:
            note(Step("fallback_transport", plain(address), fallback))
            return _by_table(Found(fallback, "fallback_transport"), address, kind)
        if account is None:
            return unknown(address, _TABLES.get(kind, ""))
        note(Step("accounts", plain(address), f"the account {account.id}"))
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
        parted = split_detail(address.local_part, self.delimiters)
        if parted is None:
            return None, None
        user, detail = parted
        return await self._accounts.find_address(Address(user, address.domain)), detail

    async def _find_mapped(self, address: Address, note: Note) -> tuple[Account | None, str | None]:
        """Return the account that ``virtual_mailbox_maps`` names for an address."""
        match = await find_address(
            self.tables.virtual_mailbox_maps, address, is_ours=False, delimiters=self.delimiters
        )
        if match is None:
            return None, None
        note(Step("virtual_mailbox_maps", plain(address), match.value, match.value.where))
        account = await self._accounts.find(match.value.strip())
        if account is None:
            log.warning("no such account", at=match.value.where, account=match.value)
        return account, match.extension[1:] or None

    async def _find_postmaster(self) -> Account | None:
        if self._postmaster:
            return await self._accounts.find(self._postmaster)
        return next((account for account in await self._accounts.all() if account.enabled), None)


_MEANING = {
    DomainKind.VIRTUAL_ALIAS: "a domain of aliases",
    DomainKind.VIRTUAL_MAILBOX: "a domain with accounts of its own",
    DomainKind.RELAY: "a domain that mail is taken for",
}
_TABLES = {
    DomainKind.VIRTUAL_ALIAS: " in virtual alias table",
    DomainKind.VIRTUAL_MAILBOX: " in virtual mailbox table",
    DomainKind.RELAY: " in relay recipient table",
}


def unknown(address: Address, where: str = "") -> RouteRefused:
    """Return the refusal of an address that nobody has; ``where`` is Postfix's "in … table"."""
    text = f"<{address}>: Recipient address rejected: User unknown{where}"
    return RouteRefused(Reply(550, "5.1.1", text))


def temporary(address: Address) -> RouteRefused:
    """Return the refusal of an address about which a table cannot be asked."""
    text = f"<{address}>: Recipient address rejected: Temporary lookup failure"
    return RouteRefused(Reply(451, "4.3.0", text))


def _by_table(transport: Found, address: Address, kind: DomainKind) -> Route:
    """Return the route that ``transport_maps`` has; ``error:`` and ``retry:`` refuse at once.

    Raises:
        TableUnavailable: the value is no transport.
    """
    hop = _in_table(transport, address.domain)
    reply = refusal(hop)
    if reply is not None:
        return RouteRefused(replace(reply, text=f"<{address}>: {reply.text}"))
    return Relay(hop, invited=kind is not DomainKind.ELSEWHERE)


def _in_table(transport: Found, domain: Domain) -> NextHop:
    """Return the next hop that a table of transports has for ``domain``.

    Raises:
        TableUnavailable: it is none.
    """
    name, _, hop = transport.strip().partition(":")
    try:
        if domain.is_literal and not hop:
            return parse_next_hop(f"[{_literal(domain.name)}]", name)
        return parse_transport(transport.strip(), domain.name)
    except ValueError as error:
        log.error("no next hop in a table", at=transport.where, value=transport, why=error)
        raise TableUnavailable("A table has no next hop where one is expected") from None


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
