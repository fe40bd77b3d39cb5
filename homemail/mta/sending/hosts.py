# SPDX-License-Identifier: MIT
"""Which hosts take mail for a next hop, in which order."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import chain, groupby, zip_longest

from homemail.errors import LoopDetected, Permanent, Temporary
from homemail.mta.api import NextHop
from homemail.resolve import Mx, NoSuchName, Resolver

_MX_LIMIT = 20  # hosts of one destination that are looked at

Shuffle = Callable[[list[Mx]], None]


@dataclass(frozen=True, slots=True)
class Target:
    """One address of one host; without a port it is the path of a UNIX socket."""

    name: str
    address: str
    port: int

    @property
    def is_socket(self) -> bool:
        return not self.port

    def __str__(self) -> str:
        if self.is_socket:
            return f"{self.name}[{self.address}]"
        return f"{self.name}[{self.address}]:{self.port}"


@dataclass(frozen=True, slots=True)
class Myself:
    """What is this server: its names, the ports it listens on for mail, its addresses."""

    names: frozenset[str]
    ports: frozenset[int]
    is_my_address: Callable[[str], bool]


async def find_targets(
    next_hop: NextHop,
    resolver: Resolver,
    myself: Myself,
    shuffle: Shuffle = random.shuffle,
) -> tuple[Target, ...]:
    """Return the addresses to try for ``next_hop``, best first.

    A bracketed next hop, and one on a port that we do not listen on, is no loop.

    Source: RFC 5321 §5.1, RFC 7505 §3.

    Raises:
        Permanent: there is no such host, it takes no mail, or it is this server.
        Temporary: nobody can say.
    """
    if not next_hop.port:
        return (Target("localhost", next_hop.host, 0),)
    if next_hop.bracketed or next_hop.transport == "lmtp":
        return _at(next_hop.host, await _addresses(resolver, next_hop.host), next_hop.port)
    mxs = await _exchangers(next_hop.host, resolver)
    found: list[Target] = []
    trouble: Permanent | Temporary | None = None
    for _, group in groupby(mxs, key=_by_preference):
        equal = list(group)
        shuffle(equal)
        targets, failed = await _equal_targets(equal, resolver, next_hop.port)
        if _is_loop(equal, targets, myself, next_hop.port):
            if not found and trouble is None:
                raise LoopDetected(f"mail for {next_hop.host} loops back to myself")
            break
        found += targets
        trouble = _worse(trouble, failed)
    if not found:
        raise trouble or NoSuchName(f"no address of {next_hop.host} is known")
    return tuple(found)


async def _exchangers(domain: str, resolver: Resolver) -> Sequence[Mx]:
    mxs = await resolver.mx(domain)
    if not mxs:
        return (Mx(0, domain),)
    if all(not mx.host for mx in mxs):
        raise Permanent(f"Domain {domain} does not accept mail (nullMX)", "5.1.10")
    return sorted(mx for mx in mxs if mx.host)[:_MX_LIMIT]


def _by_preference(mx: Mx) -> int:
    return mx.preference


async def _equal_targets(
    equal: Sequence[Mx], resolver: Resolver, port: int
) -> tuple[list[Target], Permanent | Temporary | None]:
    targets: list[Target] = []
    trouble: Permanent | Temporary | None = None
    for mx in equal:
        try:
            targets += _at(mx.host, await _addresses(resolver, mx.host), port)
        except (Permanent, Temporary) as error:
            trouble = _worse(trouble, error)
    return targets, trouble


async def _addresses(resolver: Resolver, host: str) -> tuple[str, ...]:
    addresses = await resolver.addresses(host)
    if not addresses:
        raise NoSuchName(f"Host {host} has no address")
    return addresses


def _at(host: str, addresses: Sequence[str], port: int) -> tuple[Target, ...]:
    """Return targets with the families in turn, so that one that is dead costs little."""
    sixes = [address for address in addresses if ":" in address]
    fours = [address for address in addresses if ":" not in address]
    ordered = [one for one in chain.from_iterable(zip_longest(sixes, fours)) if one is not None]
    return tuple(Target(host, address, port) for address in ordered)


def _is_loop(equal: Sequence[Mx], targets: Sequence[Target], myself: Myself, port: int) -> bool:
    if port not in myself.ports:
        return False
    return any(mx.host in myself.names for mx in equal) or any(
        myself.is_my_address(target.address) for target in targets
    )


def _worse(
    first: Permanent | Temporary | None, second: Permanent | Temporary | None
) -> Permanent | Temporary | None:
    """Return the trouble to report: one that may pass hides one that lasts."""
    return second if first is None or isinstance(second, Temporary) else first
