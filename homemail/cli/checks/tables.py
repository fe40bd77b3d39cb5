# SPDX-License-Identifier: MIT
"""The lookup tables that the settings name."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

from homemail.cli.finding import Finding, error, warning
from homemail.config.settings import Settings
from homemail.errors import ConfigError
from homemail.mta.addresses.tables import open_tables


def check_tables(settings: Settings) -> Iterator[Finding]:
    """Look at each table: can it be read, does every entry count."""
    try:
        tables = open_tables(settings.addresses)
    except ConfigError:  # told of with the settings, with file and line
        return
    for parameter, table in tables.tables():
        for problem in asyncio.run(table.problems()):
            text = str(problem) if problem.line else f"{parameter}: {problem}"
            yield error(text) if problem.lost else warning(text)
    tables.close()
