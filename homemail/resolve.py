# SPDX-License-Identifier: MIT
"""DNS questions: the contract, the one that asks name servers, and a fake for tests.

"There is no such name" and "nobody can say" are different answers everywhere: the first lasts,
the second defers. A name that exists without such records is an empty tuple.
"""

from __future__ import annotations

import contextlib
import ipaddress
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, TypeVar

import dns.asyncresolver
import dns.exception
import dns.flags
import dns.name
import dns.rdatatype
import dns.resolver
import dns.reversename

from homemail.errors import Permanent, Temporary

_LIFETIME = 15.0  # seconds for one question with its repeats
_HOSTS = Path("/etc/hosts")

V = TypeVar("V")


class NoSuchName(Permanent):
    """The name does not exist (NXDOMAIN)."""

    status = "5.4.4"


class DnsUnavailable(Temporary):
    """No name server could answer."""

    status = "4.4.3"


@dataclass(frozen=True, slots=True, order=True)
class Mx:
    """A mail exchanger; ``host`` is ``""`` in a null MX (RFC 7505)."""

    preference: int
    host: str


@dataclass(frozen=True, slots=True)
class Tlsa:
    """What a certificate must be like (RFC 6698 §2.1)."""

    usage: int
    selector: int
    matching: int
    data: bytes


class Resolver(Protocol):
    """Questions about names. Each may raise ``NoSuchName`` and ``DnsUnavailable``."""

    async def mx(self, domain: str) -> tuple[Mx, ...]:
        """Return the mail exchangers of ``domain``, in no order."""

    async def addresses(self, host: str) -> tuple[str, ...]:
        """Return the IPv6 and IPv4 addresses of ``host``; an address is its own."""

    async def names(self, address: str) -> tuple[str, ...]:
        """Return the names of an address (PTR), unverified."""

    async def listed(self, name: str) -> tuple[str, ...]:
        """Return the A records of a name in a list such as those of RFC 5782; nothing local."""

    async def texts(self, name: str) -> tuple[str, ...]:
        """Return the TXT records of ``name``."""

    async def is_signed_mx(self, domain: str) -> bool:
        """Whether the name server has validated its answer about the exchangers (DNSSEC)."""

    async def tlsa(self, name: str) -> tuple[Tlsa, ...]:
        """Return the TLSA records of ``name`` if the name server has validated them, else none."""


class DnsResolver:
    """Asks ``nameservers`` (``address`` or ``address:port``), or those of the system.

    Addresses of hosts come from the system's hosts file first, as for every program here. What the
    name server says of DNSSEC is believed, so the way to it must be safe where that counts.
    """

    def __init__(self, nameservers: Iterable[str] = (), hosts: Path | None = _HOSTS) -> None:
        self._resolver = dns.asyncresolver.Resolver(configure=False)
        self._resolver.lifetime = _LIFETIME
        self._resolver.set_flags(dns.flags.RD | dns.flags.AD)  # AD: tell whether it is validated
        self._resolver.cache = dns.resolver.LRUCache(2000)
        servers = [_server(text) for text in nameservers]
        if servers:
            self._resolver.nameservers = [address for address, _ in servers]
            self._resolver.nameserver_ports = dict(servers)
        else:
            with contextlib.suppress(dns.resolver.NoResolverConfiguration):
                self._resolver.read_resolv_conf("/etc/resolv.conf")
        self._hosts = _HostsFile(hosts) if hosts else None

    async def mx(self, domain: str) -> tuple[Mx, ...]:
        answer = await self._ask(domain, dns.rdatatype.MX)
        return tuple(
            Mx(data.preference, data.exchange.to_text(omit_final_dot=True).rstrip(".").lower())
            for data in answer
        )

    async def addresses(self, host: str) -> tuple[str, ...]:
        if (literal := _address(host)) is not None:
            return (literal,)
        if self._hosts and (known := self._hosts.addresses(host)):
            return known
        sixes = await self._ask(host, dns.rdatatype.AAAA)
        fours = await self._ask(host, dns.rdatatype.A)
        return tuple(data.address for data in (*sixes, *fours))

    async def names(self, address: str) -> tuple[str, ...]:
        name = dns.reversename.from_address(address)
        answer = await self._ask(name, dns.rdatatype.PTR)
        return tuple(data.target.to_text(omit_final_dot=True).lower() for data in answer)

    async def listed(self, name: str) -> tuple[str, ...]:
        return tuple(data.address for data in await self._ask(name, dns.rdatatype.A))

    async def texts(self, name: str) -> tuple[str, ...]:
        answer = await self._ask(name, dns.rdatatype.TXT)
        return tuple(b"".join(data.strings).decode("utf-8", "replace") for data in answer)

    async def is_signed_mx(self, domain: str) -> bool:
        return _is_validated(await self._ask(domain, dns.rdatatype.MX))

    async def tlsa(self, name: str) -> tuple[Tlsa, ...]:
        answer = await self._ask(name, dns.rdatatype.TLSA)
        if not _is_validated(answer):
            return ()
        return tuple(Tlsa(data.usage, data.selector, data.mtype, data.cert) for data in answer)

    async def _ask(
        self, name: str | dns.name.Name, kind: dns.rdatatype.RdataType
    ) -> dns.resolver.Answer | tuple[()]:
        try:
            # Absolute: the search list of the system must not turn a typing error into a host.
            return await self._resolver.resolve(_absolute(name), kind, raise_on_no_answer=False)
        except dns.resolver.NXDOMAIN:
            raise NoSuchName(_text(name, kind, "Host not found")) from None
        except (dns.exception.DNSException, OSError, UnicodeError) as error:
            raise DnsUnavailable(_text(name, kind, "Host not found, try again")) from error


def _is_validated(answer: dns.resolver.Answer | tuple[()]) -> bool:
    return isinstance(answer, dns.resolver.Answer) and bool(answer.response.flags & dns.flags.AD)


def _absolute(name: str | dns.name.Name) -> dns.name.Name:
    if isinstance(name, dns.name.Name):
        return name
    try:
        return dns.name.from_text(name, dns.name.root)
    except (dns.exception.DNSException, UnicodeError):
        raise NoSuchName(f"{name} is not a name that can be looked up") from None


def _text(name: object, kind: dns.rdatatype.RdataType, trouble: str) -> str:
    return (
        f"Host or domain name not found. Name service error for name={name} "
        f"type={dns.rdatatype.to_text(kind)}: {trouble}"
    )


def _server(text: str) -> tuple[str, int]:
    """Return address and port of ``192.0.2.1``, ``192.0.2.1:5353``, ``::1``, ``[::1]:5353``."""
    address = text.strip("[]")
    if (whole := _address(address)) is not None:
        return whole, 53
    host, _, port = text.rpartition(":")
    return host.strip("[]"), int(port)


def _address(text: str) -> str | None:
    try:
        return str(ipaddress.ip_address(text.strip("[]")))
    except ValueError:
        return None


class _HostsFile:
    """Names in a hosts file, read again when it changes."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen: tuple[int, int] | None = None
        self._names: dict[str, tuple[str, ...]] = {}

    def addresses(self, host: str) -> tuple[str, ...]:
        try:
            facts = self._path.stat()
            if (facts.st_mtime_ns, facts.st_size) != self._seen:
                self._names = _hosts(self._path.read_text("utf-8", "replace"))
                self._seen = (facts.st_mtime_ns, facts.st_size)
        except OSError:
            return ()
        return self._names.get(host.lower().rstrip("."), ())


def _hosts(text: str) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for line in text.splitlines():
        words = line.partition("#")[0].split()
        address = _address(words[0]) if words else None
        for name in words[1:] if address else ():
            if address and address not in found.get(name.lower(), ()):
                found[name.lower()] = (*found.get(name.lower(), ()), address)
    return found


@dataclass(slots=True)
class FakeResolver:
    """Answers out of mappings; what is in ``unavailable`` defers, the rest does not exist."""

    mxs: Mapping[str, tuple[Mx, ...]] = field(default_factory=dict)
    hosts: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    pointers: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    notes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    tlsas: Mapping[str, tuple[Tlsa, ...]] = field(default_factory=dict)
    signed: frozenset[str] = frozenset()
    unavailable: frozenset[str] = frozenset()

    async def mx(self, domain: str) -> tuple[Mx, ...]:
        return self._answer(self.mxs, domain)

    async def addresses(self, host: str) -> tuple[str, ...]:
        if (literal := _address(host)) is not None:
            return (literal,)
        return self._answer(self.hosts, host)

    async def names(self, address: str) -> tuple[str, ...]:
        return self._answer(self.pointers, address)

    async def listed(self, name: str) -> tuple[str, ...]:
        return self._answer(self.hosts, name)

    async def texts(self, name: str) -> tuple[str, ...]:
        return self._answer(self.notes, name)

    async def is_signed_mx(self, domain: str) -> bool:
        return domain in self.signed

    async def tlsa(self, name: str) -> tuple[Tlsa, ...]:
        return self._answer(self.tlsas, name)

    def _answer(self, table: Mapping[str, tuple[V, ...]], name: str) -> tuple[V, ...]:
        if name in self.unavailable:
            raise DnsUnavailable(f"Name service error for name={name}: Host not found, try again")
        if name in table:
            return table[name]
        if any(name in known for known in self._tables()):
            return ()
        raise NoSuchName(f"Name service error for name={name}: Host not found")

    def _tables(self) -> tuple[Mapping[str, object], ...]:
        return (self.mxs, self.hosts, self.pointers, self.notes, self.tlsas)
