# SPDX-License-Identifier: MIT
"""Rewriting one address into one other: canonical, masquerade, generic.

Canonical tables are asked again with what they gave, up to ten times, as in Postfix; then the hosts
below ``masquerade_domains`` are hidden.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from homemail.config.addresses import AddressSettings
from homemail.errors import TableUnavailable
from homemail.log import Log
from homemail.lookup.maps import Maps
from homemail.model.address import Address, Domain, ReversePath
from homemail.mta.addresses.complete import Defaults, complete
from homemail.mta.addresses.keys import Match, find_address, plain
from homemail.mta.addresses.steps import Note, Step, silent
from homemail.mta.addresses.tables import AddressTables

_MOST_ROUNDS = 10

log = Log("rewrite")


class Rewriter:
    """``is_ours`` tells of which domains a table may have names without the domain."""

    def __init__(
        self,
        settings: AddressSettings,
        tables: AddressTables,
        defaults: Defaults,
        is_ours: Callable[[Domain], bool],
        delimiters: str,
    ) -> None:
        self._tables = tables
        self._defaults = defaults
        self._is_ours = is_ours
        self._delimiters = delimiters
        self._masquerade = tuple(domain.lower() for domain in settings.masquerade_domains)
        self._exceptions = frozenset(user.lower() for user in settings.masquerade_exceptions)

    @property
    def changes_headers(self) -> bool:
        """Whether anything in a header could come out otherwise."""
        tables = self._tables
        return bool(
            self._masquerade
            or tables.canonical_maps
            or tables.sender_canonical_maps
            or tables.recipient_canonical_maps
        )

    @property
    def changes_outgoing(self) -> bool:
        """Whether anything is different in what goes to other hosts."""
        return bool(self._tables.smtp_generic_maps)

    async def sender(self, path: ReversePath, note: Note = silent) -> ReversePath:
        """Return the sender of an envelope; the null one stays.

        Raises:
            TableUnavailable: a table cannot be asked, or holds what is no address.
        """
        return None if path is None else await self.header_sender(path, note)

    async def recipient(self, address: Address, note: Note = silent) -> Address:
        """Return the recipient of an envelope; raises as ``sender``."""
        address = await self._canonical(self._tables.recipient_canonical_maps, address, note)
        return await self._canonical(self._tables.canonical_maps, address, note)

    async def header_sender(self, address: Address, note: Note = silent) -> Address:
        """Return an address of From and the like; raises as ``sender``."""
        address = await self._canonical(self._tables.sender_canonical_maps, address, note)
        address = await self._canonical(self._tables.canonical_maps, address, note)
        return self._hidden(address, note)

    async def header_recipient(self, address: Address) -> Address:
        """Return an address of To and the like; raises as ``sender``."""
        return self._hidden(await self.recipient(address), silent)

    async def generic(self, address: Address) -> Address:
        """Return an address as other hosts see it; raises as ``sender``."""
        match = await self._find(self._tables.smtp_generic_maps, address)
        return address if match is None else self._result(match, address, extend=True)

    async def _canonical(self, maps: Maps, address: Address, note: Note) -> Address:
        for _ in range(_MOST_ROUNDS):
            match = await self._find(maps, address)
            if match is None:
                break
            result = self._result(match, address, extend=True)
            note(Step(maps.parameter, plain(address), plain(result), match.value.where))
            if plain(result).lower() == plain(address).lower():
                return result
            address = result
        return address

    async def _find(self, maps: Maps, address: Address) -> Match | None:
        if not maps:
            return None
        return await find_address(
            maps, address, is_ours=self._is_ours(address.domain), delimiters=self._delimiters
        )

    def _result(self, match: Match, address: Address, *, extend: bool) -> Address:
        """Return the address that a value means; ``@domain`` keeps the local part.

        Raises:
            TableUnavailable: the value is no address; what it should be is not guessed.
        """
        text = match.value.strip()
        try:
            if text.startswith("@"):
                return Address(address.local_part, Domain.parse(text[1:]))
            result = complete(text, self._defaults)
        except ValueError as error:
            log.error("no address in a table", at=match.value.where, value=text, why=error)
            raise TableUnavailable("A table has no address where one is expected") from None
        if extend and match.extension:
            return replace(result, local_part=result.local_part + match.extension)
        return result

    def _hidden(self, address: Address, note: Note) -> Address:
        """Return ``address`` without the hosts below the first domain that it is in."""
        if address.local_part.lower() in self._exceptions or address.domain.is_literal:
            return address
        for entry in self._masquerade:
            domain = entry.removeprefix("!")
            if not f".{address.domain.name}".endswith(f".{domain}"):
                continue
            if entry.startswith("!") or address.domain.name == domain:
                return address
            hidden = Address(address.local_part, Domain.parse(domain))
            note(Step("masquerade_domains", plain(address), plain(hidden)))
            return hidden
        return address
