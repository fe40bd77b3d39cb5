# SPDX-License-Identifier: MIT
"""``homemail table``: what is in a lookup table, and what is wrong with it."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING

from homemail.cli.failures import FAILED, Failed
from homemail.cli.installation import load_settings
from homemail.cli.output import printable
from homemail.cli.parser import Arguments, Parser
from homemail.config.addresses import AddressSettings, DomainList, TableList
from homemail.config.declare import declared
from homemail.config.spelling import nearest
from homemail.errors import TableUnavailable

if TYPE_CHECKING:
    from homemail.lookup.api import Table

_TABLE = "a setting such as alias_maps, or a table such as hash:/etc/homemail/aliases"


def configure(parser: Parser) -> None:
    """Add the commands below."""
    parser.details = (
        "There is nothing to compile: the server reads the texts themselves, and again when they "
        "change. docs/formats/tables.md has the types of tables and what is in their files."
    )
    parser.examples = ("homemail table check", "homemail table query root alias_maps")
    check = parser.add_command(
        "check",
        "read tables and say what is wrong with them",
        run_check,
        details="The exit status is 1 where an entry does not count or a table cannot be read.",
        examples=("homemail table check", "homemail table check regexp:/etc/homemail/access"),
    )
    check.add_argument(
        "tables", metavar="TABLE", nargs="*", help=f"{_TABLE}; without one, those of all settings"
    )
    _add_aliases(check)
    query = parser.add_command(
        "query",
        "look one key up",
        run_query,
        details=(
            "Prints the value, as postmap -q does; the exit status is 1 where there is none. The "
            "key is looked up as it is; homemail explain tells in which forms the server looks."
        ),
        examples=(
            "homemail table query root alias_maps",
            "homemail table query sales@example.org hash:/etc/homemail/virtual --where",
        ),
    )
    query.add_argument("key", metavar="KEY", help="what to look up")
    query.add_argument("table", metavar="TABLE", help=_TABLE)
    query.add_argument(
        "--where", action="store_true", help="print the file and line in front of the value"
    )
    _add_aliases(query)


def _add_aliases(parser: Parser) -> None:
    parser.add_argument(
        "--aliases", action="store_true", help='the table has the form of aliases, "name: value"'
    )


def run_check(arguments: Arguments) -> int:
    """Print every fault of the tables."""
    import asyncio

    _be_quiet()
    tables = [table for name in arguments.tables for table in _named(arguments, name)]
    if not arguments.tables:
        tables = [table for name in _settings_of_tables() for table in _named(arguments, name)]
    failed = False
    for table in {table.name: table for table in tables}.values():
        problems = asyncio.run(table.problems())
        for problem in problems:
            print(printable(f"{'error' if problem.lost else 'warning'}: {problem}"))
            failed = failed or problem.lost
        if not problems:
            print(printable(f"{table.name}: all is well"))
        table.close()
    if not tables:
        print("no setting names a table")
    return FAILED if failed else 0


def run_query(arguments: Arguments) -> int:
    """Print the value of a key."""
    import asyncio

    _be_quiet()
    tables = _named(arguments, arguments.table)
    for table in tables:
        try:
            found = asyncio.run(table.lookup(arguments.key))
        except TableUnavailable as error:
            why = error.__cause__ or error
            raise Failed(f"{table.name} cannot be asked: {why}") from error
        finally:
            table.close()
        if found is not None:
            print(printable(f"{found.where}: {found}" if arguments.where else found))
            return 0
    return FAILED


def _settings_of_tables() -> Iterator[str]:
    for of in fields(AddressSettings):
        if isinstance(declared(of).kind, TableList):
            yield of.name


def _named(arguments: Arguments, name: str) -> list[Table]:
    """Return the tables of a setting, or the one that ``name`` writes."""
    if ":" in name or name.startswith("/"):
        return [_opened(TableList().below(Path.cwd(), name), aliases=arguments.aliases)]
    known = list(_settings_of_tables())
    if name not in known:
        raise Failed(f'"{name}" is no setting that names tables{nearest(name, known)}')
    aliases = arguments.aliases or name == "alias_maps"
    items = getattr(load_settings(arguments).addresses, name)
    kind = declared(AddressSettings.__dataclass_fields__[name]).kind
    tables = [item for item in items if ":" in item or not isinstance(kind, DomainList)]
    return [_opened(item, aliases=aliases) for item in tables]


def _opened(spec: str, *, aliases: bool) -> Table:
    from homemail.lookup import open_table
    from homemail.lookup.text import Form

    try:
        return open_table(spec, Form.ALIASES if aliases else Form.MAP)
    except ValueError as error:
        raise Failed(f"{spec}: {error}") from None


def _be_quiet() -> None:
    """Keep what the tables would log from stderr: it is printed here."""
    logging.getLogger("homemail").addHandler(logging.NullHandler())
