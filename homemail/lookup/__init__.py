# SPDX-License-Identifier: MIT
"""Tables: key to value, one file for each type. ``api`` has the contract."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from pathlib import Path

from homemail.lookup.api import Table
from homemail.lookup.cidr import open_cidr
from homemail.lookup.inline import open_inline, open_static
from homemail.lookup.regexp import open_pcre, open_regexp
from homemail.lookup.sqlite import SqliteTable
from homemail.lookup.text import Form, TextTable
from homemail.lookup.unix import open_unix

Open = Callable[[str, str, Form], Table]
"""The table's full name, what stands behind its type, and how its entries are written."""


def _file(open_file: Callable[[str, Path], Table]) -> Open:
    return lambda name, source, form: open_file(name, _path(source))


def _text(name: str, source: str, form: Form) -> Table:
    return TextTable(name, _path(source), form)


def _path(source: str) -> Path:
    if not source.startswith("/") or "\0" in source:
        raise ValueError(f'expected the path of a file, got "{source}"')
    return Path(source)


TABLE_TYPES: Mapping[str, Open] = {
    "text": _text,
    "hash": _text,
    "btree": _text,
    "texthash": _text,
    "dbm": _text,
    "regexp": _file(open_regexp),
    "pcre": _file(open_pcre),
    "cidr": _file(open_cidr),
    "inline": lambda name, source, form: open_inline(name, source),
    "static": lambda name, source, form: open_static(name, source),
    "unix": lambda name, source, form: open_unix(name, source),
    "sqlite": _file(SqliteTable),
}
"""Every type of table. ``hash`` and its like are Postfix's names for what is a text here."""


def open_table(spec: str, form: Form = Form.MAP) -> Table:
    """Return the table ``type:source``; a path alone is a text. ``proxy:`` in front means nothing.

    ``form`` is how the entries of a text are written.

    Raises:
        ValueError: with what was expected.
    """
    plain = spec.strip().removeprefix("proxy:")
    kind, colon, source = plain.partition(":")
    if plain.startswith("/"):
        kind, source = "text", plain
    elif not colon:
        raise ValueError('expected a table such as "hash:/etc/homemail/aliases"')
    opened = TABLE_TYPES.get(kind)
    if opened is None:
        near = difflib.get_close_matches(kind, TABLE_TYPES, 1)
        hint = f'; did you mean "{near[0]}:"?' if near else f"; there are {', '.join(TABLE_TYPES)}"
        raise ValueError(f'unknown type of table "{kind}"{hint}')
    return opened(plain, source.strip(), form)
