# SPDX-License-Identifier: MIT
"""The keys under which an address or a domain is looked up, in Postfix's order.

For an address: ``user+ext@domain``, ``user@domain``; where the domain is ours ``user+ext``,
``user``; ``@domain``. For the transport of one: ``user+ext@domain``, ``user@domain``, ``domain``,
``.parent`` …, ``*``. A table of patterns sees the first of them alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from homemail.lookup.api import Found
from homemail.lookup.maps import Maps
from homemail.model.address import Address, Domain


@dataclass(frozen=True, slots=True)
class Match:
    """A value, and the extension (with its delimiter) that its key was without."""

    value: Found
    extension: str = ""


def split_detail(local_part: str, delimiters: str) -> tuple[str, str] | None:
    """Return user and extension of ``user+ext``, or None where there is no extension.

    The first of the ``delimiters`` that occurs behind at least one character parts them.
    """
    for at, letter in enumerate(local_part):
        if at and letter in delimiters:
            return local_part[:at], local_part[at + 1 :]
    return None


def plain(address: Address) -> str:
    """Return an address as tables have it: no quotes, the domain in its A-label form."""
    return f"{address.local_part}@{address.domain.name}"


def address_keys(address: Address, *, is_ours: bool, delimiters: str) -> Iterator[tuple[str, str]]:
    """Yield each key for ``address``, and the extension that it is without."""
    local = address.local_part
    parted = split_detail(local, delimiters)
    user, extension = (parted[0], local[len(parted[0]) :]) if parted else (local, "")
    for domain in _forms(address.domain):
        yield f"{local}@{domain}", ""
        if extension:
            yield f"{user}@{domain}", extension
    if is_ours:
        yield local, ""
        if extension:
            yield user, extension
    for domain in _forms(address.domain):
        yield f"@{domain}", ""


def transport_keys(address: Address, delimiters: str) -> Iterator[str]:
    """Yield each key for the transport of ``address``."""
    for key, _ in address_keys(address, is_ours=False, delimiters=delimiters):
        if not key.startswith("@"):
            yield key
    for domain in _forms(address.domain):
        yield domain
        at = domain.find(".", 1)
        while at > 0 and not address.domain.is_literal:
            yield domain[at:]
            at = domain.find(".", at + 1)
    yield "*"


def _forms(domain: Domain) -> tuple[str, ...]:
    """Return the A-label form and, where it was written otherwise, that one too."""
    return (domain.name,) if domain.text.isascii() else (domain.name, domain.text.lower())


async def find_address(
    maps: Maps, address: Address, *, is_ours: bool, delimiters: str
) -> Match | None:
    """Return what the tables have for ``address``.

    Raises:
        TableUnavailable: they cannot be asked.
    """
    partial = False
    if maps:
        for key, extension in address_keys(address, is_ours=is_ours, delimiters=delimiters):
            value = await maps.lookup(key, partial=partial)
            if value is not None:
                return Match(value, extension)
            partial = True
    return None


async def find_transport(maps: Maps, address: Address, delimiters: str) -> Found | None:
    """Return the ``transport:nexthop`` that the tables have for ``address``.

    Raises:
        TableUnavailable: they cannot be asked.
    """
    partial = False
    if maps:
        for key in transport_keys(address, delimiters):
            value = await maps.lookup(key, partial=partial)
            if value is not None:
                return value
            partial = True
    return None
