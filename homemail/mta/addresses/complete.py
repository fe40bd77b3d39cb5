# SPDX-License-Identifier: MIT
"""Addresses as people write them, made whole: ``user``, ``user@host``, ``host!user``.

``user%host@here`` is not taken apart: it is a local part like any other, so that nobody is routed
through here by what he writes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from homemail.model.address import Address, Domain, parse_local_part

_SOURCE_ROUTE = re.compile(r"@[^:@,]++(?:,@[^:@,]++)*+:")


@dataclass(frozen=True, slots=True)
class Defaults:
    """What an address gets that lacks something; ``mydomain`` empty: domains stay as they are."""

    origin: Domain
    postmaster: Domain
    at_myorigin: bool = True
    dot_mydomain: str = ""
    swap_bangpath: bool = True
    percent_hack: bool = True


def complete(text: str, defaults: Defaults) -> Address:
    """Return the address in a path, without its source route (RFC 5321 appendix C).

    Raises:
        ValueError: it is none, or it has no domain and gets none.
    """
    if text.startswith("@") and (route := _SOURCE_ROUTE.match(text)):
        text = text[route.end() :]
    if "@" in text and not text.endswith('"'):
        return _with_dot(Address.parse(text), defaults)
    local_part = parse_local_part(text)
    if not text.startswith('"'):
        host, bang, user = local_part.partition("!")
        if bang and defaults.swap_bangpath:
            return complete(f"{user}@{host}", defaults)
        user, percent, host = local_part.rpartition("%")
        if percent and defaults.percent_hack:
            return complete(f"{user}@{host}", defaults)
    if local_part.casefold() == "postmaster":
        return Address(local_part, defaults.postmaster)
    if not defaults.at_myorigin:
        raise ValueError("an address needs a domain")
    return Address(local_part, defaults.origin)


def _with_dot(address: Address, defaults: Defaults) -> Address:
    domain = address.domain
    if not defaults.dot_mydomain or domain.is_literal or "." in domain.name:
        return address
    return Address(address.local_part, Domain.parse(f"{domain.text}.{defaults.dot_mydomain}"))
