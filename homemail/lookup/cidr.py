# SPDX-License-Identifier: MIT
"""``cidr:FILE``: addresses of hosts and networks, ``192.0.2.0/24 result``."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from homemail.lookup.rules import Pattern, RuleTable

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address
_Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True, slots=True)
class _Within:
    network: _Network
    groups: int = 0

    def concerns(self, key: str) -> bool:
        address = _address(key)
        return address is not None and address.version == self.network.version

    def match(self, key: str) -> Sequence[str] | None:
        address = _address(key)
        return (key,) if address is not None and address in self.network else None


@lru_cache(256)
def _address(key: str) -> _Address | None:
    """Return the address in a key; one of IPv4 inside IPv6 is that of IPv4."""
    try:
        address = ipaddress.ip_address(key.strip("[]").partition("%")[0])
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def open_cidr(name: str, path: Path) -> RuleTable:
    """Return the table of networks at ``path``."""
    return RuleTable(name, path, _read)


def _read(text: str) -> tuple[Pattern, str]:
    word, _, rest = text.replace("\t", " ").partition(" ")
    plain = word.replace("[", "").replace("]", "")
    try:
        return _Within(ipaddress.ip_network(plain)), rest
    except ValueError as error:
        hint = ""
        if "host bits" in str(error):
            hint = f"; did you mean {ipaddress.ip_network(plain, strict=False)}?"
        raise ValueError(f'expected a network such as 192.0.2.0/24, got "{word}"{hint}') from None
