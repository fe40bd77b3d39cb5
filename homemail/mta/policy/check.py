# SPDX-License-Identifier: MIT
"""What a policy check is and what it may look at."""

from __future__ import annotations

import ipaddress
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import Enum

from homemail.config.declare import IpNetwork
from homemail.model.address import AccountId, ReversePath
from homemail.model.envelope import Recipient
from homemail.model.session import Peer
from homemail.mta.api import Accept, Defer, NoOpinion, Reject, Route

Decision = Accept | Reject | Defer | NoOpinion


@dataclass(frozen=True, slots=True)
class SmtpContext:
    """Everything known at RCPT."""

    peer: Peer
    helo: str
    submitter: AccountId | None
    reverse_path: ReversePath
    recipient: Recipient
    route: Route
    mynetworks: tuple[IpNetwork, ...]


class ForStrangers(Enum):
    """What a check means for a client from elsewhere that wants to send elsewhere."""

    PERMITS = "permits"
    REFUSES = "refuses"
    PASSES = "passes"


@dataclass(frozen=True, slots=True)
class Check:
    """A word of the restriction lists. ``for_strangers`` serves to find open relays at start."""

    name: str
    check: Callable[[SmtpContext], Awaitable[Decision]]
    for_strangers: ForStrangers = ForStrangers.PASSES


def is_in(peer: Peer, networks: tuple[IpNetwork, ...]) -> bool:
    """Whether the client's address is in one of ``networks``."""
    if not networks:
        return False
    try:
        address = ipaddress.ip_address(peer.host.partition("%")[0])
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return any((mapped or address) in network for network in networks)
