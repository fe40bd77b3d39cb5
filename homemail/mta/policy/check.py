# SPDX-License-Identifier: MIT
"""What a policy check is, what it may look at, and what it may say."""

from __future__ import annotations

import ipaddress
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from homemail.auth.api import Account
from homemail.config.declare import IpNetwork
from homemail.config.policy import PolicySettings
from homemail.lookup.api import Table
from homemail.model.address import AccountId, Address, Domain, ReversePath
from homemail.model.envelope import Recipient
from homemail.model.reply import Reply
from homemail.model.session import Peer, TlsFacts
from homemail.mta.api import Accept, Defer, NoOpinion, Reject, Relay, Route
from homemail.mta.effect import Effect
from homemail.mta.policy.client_host import ClientHost
from homemail.mta.policy.dns_list import DnsLists
from homemail.mta.policy.ledger import PolicyLedger
from homemail.mta.policy.policy_client import PolicyClients
from homemail.resolve import Resolver


@dataclass(frozen=True, slots=True)
class DeferIf:
    """Refuse for now if the checks that follow permit, or if they ``reject``."""

    reply: Reply
    rejects: bool = False


@dataclass(frozen=True, slots=True)
class Also:
    """Do this with the message where it is accepted. ``permits``: ask no further check."""

    effect: Effect
    permits: bool = False


@dataclass(frozen=True, slots=True)
class Further:
    """Ask these checks here."""

    checks: tuple[Check, ...]


Decision = Accept | Reject | Defer | NoOpinion | DeferIf | Also | Further


class Stage(Enum):
    """Which list a check stands in; the value is how a refusal by it is worded."""

    CLIENT = "Client host"
    HELO = "Helo command"
    SENDER = "Sender address"
    RECIPIENT = "Recipient address"
    DATA = "Data command"
    END_OF_DATA = "End-of-data"


class Destinations(Protocol):
    """The router, as far as policy needs it."""

    def is_local(self, domain: Domain) -> bool:
        """Whether mail for this domain ends here."""

    async def route(self, address: Address) -> Route:
        """Return where mail for ``address`` goes."""

    async def owner(self, address: Address) -> Account | None:
        """Return the account that ``address`` is one of."""

    def is_own_address(self, address: str) -> bool:
        """Whether this is an IP address that we listen on."""


@dataclass(frozen=True, slots=True)
class Facilities:
    """What the checks of a house work with. ``now`` is in seconds since 1970."""

    settings: PolicySettings
    resolver: Resolver
    destinations: Destinations
    dns_lists: DnsLists
    policy_clients: PolicyClients
    ledger: PolicyLedger
    now: Callable[[], float]
    hostname: str = "localhost"
    names: frozenset[str] = frozenset()
    """Our own names, in lower case."""


@dataclass(frozen=True, slots=True)
class SmtpContext:
    """Everything known when a list is asked; ``recipient`` and ``route`` at RCPT only."""

    peer: Peer
    helo: str
    submitter: AccountId | None
    reverse_path: ReversePath
    recipient: Recipient | None
    route: Route | None
    mynetworks: tuple[IpNetwork, ...]
    facilities: Facilities
    host: ClientHost
    stage: Stage = Stage.RECIPIENT
    extended: bool = True
    tls: TlsFacts | None = None
    trace: str = ""
    size: int = 0
    recipient_count: int = 0
    talks_ahead: bool = False
    mechanism: str = ""

    @property
    def forward_path(self) -> Address | None:
        return None if self.recipient is None else self.recipient.forward_path

    @property
    def is_for_elsewhere(self) -> bool:
        """Whether only those whom we trust may send there."""
        return isinstance(self.route, Relay) and not self.route.invited


class ForStrangers(Enum):
    """What a check means for a client from elsewhere that wants to send elsewhere."""

    PERMITS = "permits"
    REFUSES = "refuses"
    PASSES = "passes"


Ask = Callable[[SmtpContext], Awaitable[Decision]]


@dataclass(frozen=True, slots=True)
class Check:
    """A word of the restriction lists. ``for_strangers`` serves to find open relays at start."""

    name: str
    check: Ask
    for_strangers: ForStrangers = ForStrangers.PASSES


@dataclass(frozen=True, slots=True)
class Reading:
    """What serves to read a list: how tables are opened, how a list in a table's value is read."""

    open_table: Callable[[str], Table]
    read: Callable[[str], tuple[Check, ...]]


@dataclass(frozen=True, slots=True)
class CheckWithArgument:
    """A word of the restriction lists that is followed by its ``argument`` (what it is)."""

    name: str
    argument: str
    build: Callable[[str, Reading], Ask]
    """May raise ``ValueError`` with what is wrong with the argument."""


def refuse(code: int, status: str, text: str) -> Reject | Defer:
    """Return the refusal; the first digit of ``status`` follows ``code``."""
    reply = Reply(code, f"{code // 100}{status[1:]}", text)
    return Reject(reply) if reply.permanent else Defer(reply)


def rejected(context: SmtpContext, code: int, status: str, reason: str) -> Reject | Defer:
    """Return the refusal in the words of the list that is asked."""
    return refuse(code, status, f"{_subject(context)}: {context.stage.value} rejected: {reason}")


def _subject(context: SmtpContext) -> str:
    match context.stage:
        case Stage.CLIENT:
            return f"<{context.host.name}[{context.peer.host}]>"
        case Stage.HELO:
            return f"<{context.helo}>"
        case Stage.SENDER:
            return f"<{context.reverse_path or ''}>"
        case Stage.RECIPIENT:
            return f"<{context.forward_path or ''}>"
        case Stage.DATA:
            return "<DATA>"
        case Stage.END_OF_DATA:
            return "<END-OF-MESSAGE>"


def of_sender(context: SmtpContext, code: int, status: str, reason: str) -> Reject | Defer:
    """Return the refusal of the sender's address, whatever list is asked."""
    return refuse(
        code, status, f"<{context.reverse_path or ''}>: Sender address rejected: {reason}"
    )


def of_recipient(context: SmtpContext, code: int, status: str, reason: str) -> Reject | Defer:
    """Return the refusal of the recipient's address, whatever list is asked."""
    text = f"<{context.forward_path or ''}>: Recipient address rejected: {reason}"
    return refuse(code, status, text)


def of_helo(context: SmtpContext, code: int, status: str, reason: str) -> Reject | Defer:
    """Return the refusal of the name in HELO, whatever list is asked."""
    return refuse(code, status, f"<{context.helo}>: Helo command rejected: {reason}")


def later(decision: Reject | Defer) -> DeferIf:
    """Return ``decision`` for the case that DNS could not be asked: a reject may still come."""
    reply = decision.reply
    return DeferIf(Reply(450, f"4{reply.status[1:]}", reply.text))


def is_in(peer: Peer, networks: Sequence[IpNetwork]) -> bool:
    """Whether the client's address is in one of ``networks``."""
    if not networks:
        return False
    try:
        address = ipaddress.ip_address(peer.host.partition("%")[0])
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return any((mapped or address) in network for network in networks)
