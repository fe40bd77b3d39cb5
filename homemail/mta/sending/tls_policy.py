# SPDX-License-Identifier: MIT
"""Which TLS a next hop must have: the settings, ``smtp_tls_policy_maps``, DANE, MTA-STS."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Sequence
from dataclasses import dataclass

from homemail.config.queue import SendingSettings
from homemail.errors import TableUnavailable, Temporary
from homemail.log import Log
from homemail.lookup.maps import Maps, open_maps
from homemail.mta.api import NextHop
from homemail.mta.sending.hosts import Target
from homemail.mta.sending.mta_sts import StsPolicies, StsPolicy
from homemail.mta.sending.tls import Named, Pinned, Proof, is_usable
from homemail.resolve import NoSuchName, Resolver, Tlsa

LEVELS = ("none", "may", "encrypt", "dane", "dane-only", "verify", "secure")

log = Log("smtp")


@dataclass(frozen=True, slots=True)
class HopPolicy:
    """What counts for a next hop. ``match`` is what the map says of names; empty takes the level's.

    ``is_signed``: DNSSEC covers the way from the domain to its hosts.
    """

    level: str
    match: tuple[str, ...] = ()
    sts: StsPolicy | None = None
    is_signed: bool = False


@dataclass(frozen=True, slots=True)
class TargetPolicy:
    """What counts for one host: ``tls`` as the client knows it, and what it must prove."""

    tls: str
    proof: Proof = None


class TlsPolicies:
    """Asks all of them. ``sts`` None: MTA-STS is not wanted."""

    def __init__(
        self, settings: SendingSettings, resolver: Resolver, sts: StsPolicies | None = None
    ) -> None:
        """Open the tables.

        Raises:
            ConfigError: one is not written as a table is.
        """
        self._level = settings.smtp_tls_security_level
        self._maps: Maps = open_maps("smtp_tls_policy_maps", settings.smtp_tls_policy_maps)
        self._dnssec = settings.smtp_dns_support_level == "dnssec"
        self._resolver = resolver
        self._sts = sts

    async def of_hop(self, next_hop: NextHop) -> HopPolicy:
        """Return the policy of a next hop.

        Raises:
            TableUnavailable: a table cannot be asked, or its answer cannot be read.
        """
        if not next_hop.port:
            return HopPolicy("none")
        policy = await self._of_table(next_hop) or HopPolicy(self._level)
        by_mx = not next_hop.bracketed and next_hop.transport != "lmtp"
        is_signed = next_hop.bracketed
        if by_mx and self._dnssec and policy.level in ("dane", "dane-only"):
            is_signed = await self._resolver.is_signed_mx(next_hop.host)
        sts = None
        if by_mx and self._sts is not None and policy.level in ("may", "encrypt", "dane"):
            sts = await self._sts.find(next_hop.host)
        return HopPolicy(policy.level, policy.match, sts, is_signed)

    async def of_target(self, hop: NextHop, policy: HopPolicy, target: Target) -> TargetPolicy:
        """Return the policy of one host of a next hop.

        Raises:
            Temporary: it must not be used now.
        """
        match policy.level:
            case "verify":
                return TargetPolicy("encrypt", Named(_names(policy, ("hostname",), hop, target)))
            case "secure":
                names = _names(policy, ("nexthop", "dot-nexthop"), hop, target)
                return TargetPolicy("encrypt", Named(names))
            case "dane" | "dane-only":
                by_dane = await self._by_dane(hop, policy, target)
                if by_dane is not None:
                    return by_dane
        if policy.sts is not None and policy.sts.mode == "enforce":
            if not policy.sts.allows(target.name):
                text = f"the MTA-STS policy of {hop.host} does not allow the host {target.name}"
                raise Temporary(text, "4.7.5")
            return TargetPolicy("encrypt", Named((target.name,)))
        return TargetPolicy("may" if policy.level == "dane" else policy.level)

    async def _by_dane(
        self, hop: NextHop, policy: HopPolicy, target: Target
    ) -> TargetPolicy | None:
        """Return what DANE says; None where it does not apply.

        Source: RFC 7672 §2.2.
        """
        records: tuple[Tlsa, ...] = ()
        if self._dnssec and policy.is_signed:
            with contextlib.suppress(NoSuchName):
                records = await self._resolver.tlsa(f"_{target.port}._tcp.{target.name}")
        if not records:
            if policy.level == "dane-only":
                text = f"no TLSA records for {target.name}, and the policy is dane-only"
                raise Temporary(text, "4.7.5")
            return None
        usable = tuple(record for record in records if is_usable(record))
        if not usable and policy.level == "dane-only":
            raise Temporary(f"no usable TLSA records for {target.name}", "4.7.5")
        names = (target.name, hop.host)
        return TargetPolicy("encrypt", Pinned(usable, names) if usable else None)

    async def _of_table(self, next_hop: NextHop) -> HopPolicy | None:
        for key, partial in _keys(next_hop):
            found = await self._maps.lookup(key, partial=partial)
            if found is not None:
                return self._parse(found, key)
        return None

    def _parse(self, text: str, key: str) -> HopPolicy:
        words = re.split(r"[\s,]+", text.strip())
        options = dict(word.partition("=")[::2] for word in words[1:])
        if words[0] not in LEVELS or options.keys() - {"match"}:
            log.error("a policy that cannot be read", setting="smtp_tls_policy_maps", key=key)
            raise TableUnavailable(f"the TLS policy for {key} cannot be read")
        match = tuple(name for name in options.get("match", "").split(":") if name)
        return HopPolicy(words[0], match)


def _keys(next_hop: NextHop) -> Sequence[tuple[str, bool]]:
    """Return the keys in Postfix's order; the second value tells parts of a name."""
    host = f"[{next_hop.host}]" if next_hop.bracketed else next_hop.host
    keys = [(f"{host}:{next_hop.port}", False), (host, False)]
    labels = next_hop.host.split(".")
    parents = () if next_hop.bracketed else range(1, len(labels))
    return keys + [(f".{'.'.join(labels[at:])}", True) for at in parents]


def _names(
    policy: HopPolicy, usual: tuple[str, ...], hop: NextHop, target: Target
) -> tuple[str, ...]:
    words = {"hostname": target.name, "nexthop": hop.host, "dot-nexthop": f".{hop.host}"}
    return tuple(words.get(name, name) for name in policy.match or usual)
