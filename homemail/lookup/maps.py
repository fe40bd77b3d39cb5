# SPDX-License-Identifier: MIT
"""The tables of one setting, asked in order: the first that has the key answers."""

from __future__ import annotations

from collections.abc import Sequence

from homemail.errors import ConfigError, TableUnavailable
from homemail.log import Log
from homemail.lookup import open_table
from homemail.lookup.api import Found, Table
from homemail.lookup.text import Form

log = Log("lookup")


class Maps:
    """``parameter`` is the setting that names the tables."""

    def __init__(self, parameter: str, tables: Sequence[Table] = ()) -> None:
        self.parameter = parameter
        self.tables = tuple(tables)

    def __bool__(self) -> bool:
        return bool(self.tables)

    async def lookup(self, key: str, *, partial: bool = False) -> Found | None:
        """Return the value of ``key``; ``partial``: it is a part of an address or a domain.

        Parts are not shown to tables of patterns, which see the whole.

        Raises:
            TableUnavailable: one of the tables up to the first that has the key cannot be asked.
        """
        for table in self.tables:
            if partial and table.is_pattern:
                continue
            try:
                found = await table.lookup(key)
            except TableUnavailable as error:
                why = error.__cause__ or error
                log.error("table unavailable", setting=self.parameter, table=table.name, why=why)
                raise
            if found is not None:
                return found
        return None

    def close(self) -> None:
        """Give up what the tables hold open."""
        for table in self.tables:
            table.close()


def open_maps(parameter: str, specs: Sequence[str], form: Form = Form.MAP) -> Maps:
    """Return the tables that a setting names; their files need not be there yet.

    Raises:
        ConfigError: one is not written as a table is.
    """
    tables = []
    for spec in specs:
        try:
            tables.append(open_table(spec, form))
        except ValueError as error:
            raise ConfigError(f"{spec}: {error}", parameter=parameter) from None
    return Maps(parameter, tables)
