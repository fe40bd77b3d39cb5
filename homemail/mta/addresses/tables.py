# SPDX-License-Identifier: MIT
"""The tables of the address settings, opened; and lists of domains."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields

from homemail.config.addresses import AddressSettings
from homemail.errors import ConfigError
from homemail.lookup.api import Found, Table
from homemail.lookup.maps import Maps, open_maps
from homemail.lookup.text import Form
from homemail.model.address import Domain

_VIRTUAL_ALIASES = "$virtual_alias_maps"


class Domains:
    """A setting that lists domains: names, ``.name`` for everything below, tables of names."""

    def __init__(self, parameter: str, items: Sequence[str]) -> None:
        """Read the list.

        Raises:
            ConfigError: an item is neither a domain nor a table.
        """
        self.parameter = parameter
        self._names: set[str] = set()
        tables = []
        for item in items:
            if ":" in item:
                tables.append(item)
            elif item.strip():
                self._names.add(_name(item.strip(), parameter))
        self.maps = open_maps(parameter, tables)

    async def find(self, domain: Domain) -> Found | None:
        """Return what says that ``domain`` is in the list, or None.

        Raises:
            TableUnavailable: a table cannot be asked.
        """
        name = domain.name
        if name in self._names:
            return Found(name, self.parameter)
        at = name.find(".")
        while at > 0:
            if name[at:] in self._names:
                return Found(name[at:], self.parameter)
            at = name.find(".", at + 1)
        return await self.maps.lookup(name) if self.maps else None


def _name(item: str, parameter: str) -> str:
    dot = "." if item.startswith(".") else ""
    try:
        return dot + Domain.parse(item[len(dot) :]).name
    except ValueError as error:
        text = f'expected a domain or a table such as "hash:domains", got "{item}" ({error})'
        raise ConfigError(text, parameter=parameter) from None


@dataclass(frozen=True, slots=True)
class AddressTables:
    """Every table of ``AddressSettings``, under its setting's name."""

    canonical_maps: Maps
    sender_canonical_maps: Maps
    recipient_canonical_maps: Maps
    virtual_alias_maps: Maps
    virtual_alias_domains: Domains
    virtual_mailbox_domains: Domains
    virtual_mailbox_maps: Maps
    alias_maps: Maps
    local_recipient_maps: Maps
    relocated_maps: Maps
    relay_domains: Domains
    relay_recipient_maps: Maps
    transport_maps: Maps
    sender_dependent_relayhost_maps: Maps
    sender_dependent_default_transport_maps: Maps
    smtp_generic_maps: Maps

    def tables(self) -> Iterator[tuple[str, Table]]:
        """Yield each table with the setting that names it first."""
        seen: set[str] = set()
        for of in fields(self):
            part = getattr(self, of.name)
            for table in (part.maps if isinstance(part, Domains) else part).tables:
                if table.name not in seen:
                    seen.add(table.name)
                    yield of.name, table

    def close(self) -> None:
        """Give up what the tables hold open."""
        for _, table in self.tables():
            table.close()


def open_tables(settings: AddressSettings) -> AddressTables:
    """Open every table that the settings name.

    Raises:
        ConfigError: one is not written as a table or a domain is.
    """
    opened: dict[str, Maps | Domains] = {}
    for of in fields(AddressTables):
        items: Sequence[str] = getattr(settings, of.name)
        if of.name.endswith("_domains"):
            opened[of.name] = Domains(of.name, _filled(items, settings))
        else:
            form = Form.ALIASES if of.name == "alias_maps" else Form.MAP
            opened[of.name] = open_maps(of.name, items, form)
    return AddressTables(**opened)  # type: ignore[arg-type]


def _filled(items: Sequence[str], settings: AddressSettings) -> list[str]:
    """Return the items; the default's name is filled in where no loader did that."""
    filled: list[str] = []
    for item in items:
        filled += settings.virtual_alias_maps if item == _VIRTUAL_ALIASES else (item,)
    return filled
