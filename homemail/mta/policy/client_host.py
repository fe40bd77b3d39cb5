# SPDX-License-Identifier: MIT
"""The names of a client: what DNS says of its address, asked when a check first wants it."""

from __future__ import annotations

from dataclasses import dataclass

from homemail.errors import MailError
from homemail.model.session import Peer
from homemail.resolve import DnsUnavailable, Resolver

UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class HostNames:
    """What is known of a client's address.

    ``verified`` is the name whose addresses hold the client's (RFC 1912 §2.1); ``reverse`` and
    ``forward`` are the name that the address has, and that name where it has any address.
    ``is_certain``: no question was left open by trouble in DNS.
    """

    verified: str = UNKNOWN
    forward: str = UNKNOWN
    reverse: str = UNKNOWN
    is_certain: bool = True


class ClientHost:
    """A client's names; each connection has one and asks once."""

    def __init__(self, peer: Peer, resolver: Resolver, known: HostNames | None = None) -> None:
        self._peer = peer
        self._resolver = resolver
        self._known = known

    @property
    def name(self) -> str:
        """The verified name where somebody asked already; ``unknown`` else."""
        return UNKNOWN if self._known is None else self._known.verified

    async def names(self) -> HostNames:
        """Return the names, asking DNS the first time."""
        if self._known is None:
            self._known = await self._ask()
        return self._known

    async def _ask(self) -> HostNames:
        address = self._peer.host.partition("%")[0].removeprefix("::ffff:")
        try:
            pointed = await self._resolver.names(address)
        except DnsUnavailable:
            return HostNames(is_certain=False)
        except MailError:
            return HostNames()
        if not pointed:
            return HostNames()
        reverse = pointed[0].rstrip(".").lower()
        try:
            addresses = await self._resolver.addresses(reverse)
        except DnsUnavailable:
            return HostNames(reverse=reverse, is_certain=False)
        except MailError:
            return HostNames(reverse=reverse)
        forward = reverse if addresses else UNKNOWN
        return HostNames(reverse if address in addresses else UNKNOWN, forward, reverse)
