# SPDX-License-Identifier: MIT
"""``sqlite:FILE``: a query on an SQLite database.

``FILE`` says which, in lines ``name = value`` as in Postfix's sqlite_table(5)::

    dbpath = /var/lib/homemail/aliases.sqlite
    query = SELECT forw_addr FROM mxaliases WHERE alias='%s' AND status='paid'
    result_format = %s
    expansion_limit = 0
    domain = example.org, example.net

``%s`` is the key, ``%u`` its local part, ``%d`` its domain, ``%1`` to ``%9`` the parts of the
domain from the right. They never become part of the query's text: each is handed over as a value,
so that no key can change what is asked. Several rows are joined by commas.
"""

from __future__ import annotations

import asyncio
import re
import sqlite3
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from homemail.errors import TableUnavailable
from homemail.lookup.api import Found, Problem, fold
from homemail.lookup.lines import BadLine, logical_lines
from homemail.lookup.watched_table import WatchedContent

_NAMES = frozenset(
    "dbpath query result_format expansion_limit domain"
    " table select_field where_field additional_conditions".split()
)
_LITERAL = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|%.|[^'\"%]+|.", re.DOTALL)
_CODE = re.compile(r"%(.)", re.DOTALL)
_BUSY_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Query:
    """A query with ``?`` where a part of the key comes in; ``codes`` are those parts in order."""

    database: Path
    text: str
    codes: tuple[str, ...]
    result_format: str = "%s"
    most_rows: int = 0
    domains: frozenset[str] = frozenset()


class SqliteTable:
    """A query as a table."""

    is_pattern = False

    def __init__(self, name: str, path: Path) -> None:
        self.name = name
        self._path = path
        self._query: WatchedContent[Query] = WatchedContent(path, read_query)
        self._lock = threading.Lock()
        self._open: tuple[Path, sqlite3.Connection] | None = None

    async def lookup(self, key: str) -> Found | None:
        query = self._query.current()
        parts = _parts(fold(key), query)
        if parts is None:
            return None
        rows = await asyncio.to_thread(self._ask, query, parts)
        values = [_formatted(row, query.result_format, fold(key)) for row in rows]
        found = [value for value in values if value]
        if query.most_rows and len(found) > query.most_rows:
            raise TableUnavailable("A table has too many values for one key")
        return Found(",".join(found), self.name) if found else None

    async def problems(self) -> Sequence[Problem]:
        problems = list(self._query.problems())
        try:
            query = self._query.current()
            await asyncio.to_thread(self._ask, query, ("",) * len(query.codes))
        except TableUnavailable as error:
            if error.__cause__ and not problems:
                problems.append(Problem(f"the query fails: {error.__cause__}", self._path))
        return problems

    def close(self) -> None:
        with self._lock:
            if self._open is not None:
                self._open[1].close()
                self._open = None

    def _ask(self, query: Query, parts: tuple[str, ...]) -> list[str]:
        with self._lock:
            try:
                connection = self._connection(query.database)
                return [
                    str(row[0])
                    for row in connection.execute(query.text, parts)
                    if row[0] is not None
                ]
            except (sqlite3.Error, sqlite3.Warning, OSError) as error:
                if self._open is not None:
                    self._open[1].close()
                    self._open = None
                raise TableUnavailable("A table cannot be asked, try again later") from error

    def _connection(self, database: Path) -> sqlite3.Connection:
        if self._open is not None and self._open[0] == database:
            return self._open[1]
        if self._open is not None:
            self._open[1].close()
        address = f"file:{quote(str(database))}?mode=ro"
        connection = sqlite3.connect(
            address, uri=True, timeout=_BUSY_SECONDS, check_same_thread=False
        )
        self._open = (database, connection)
        return connection


def _parts(key: str, query: Query) -> tuple[str, ...] | None:
    """Return what the query is asked about, or None where the key has no such parts."""
    local, at, domain = key.rpartition("@")
    if not at:
        local, domain = key, ""
    if query.domains and domain not in query.domains:
        return None
    labels = (domain or key).split(".")[::-1]
    parts = []
    for code in query.codes:
        part = {"s": key, "u": local, "d": domain}.get(code.lower(), "")
        if code.isdigit():
            part = labels[int(code) - 1] if int(code) <= len(labels) else ""
        if not part:
            return None
        parts.append(part)
    return tuple(parts)


def _formatted(value: str, result_format: str, key: str) -> str:
    local, at, domain = value.rpartition("@")
    key_local, _, key_domain = key.rpartition("@")
    known = {
        "%": "%",
        "s": value,
        "u": local if at else value,
        "d": domain,
        "S": key,
        "U": key_local or key,
        "D": key_domain,
    }
    return _CODE.sub(lambda match: known.get(match[1], ""), result_format)


def read_query(octets: bytes, path: Path, trusted: bool) -> tuple[Query | None, list[Problem]]:
    """Return the query that a file describes, or None with what is wrong with it."""
    values: dict[str, str] = {}
    problems: list[Problem] = []
    for line in logical_lines(octets):
        if isinstance(line, BadLine):
            problems.append(Problem(line.text, path, line.number))
            continue
        name, equals, value = (word.strip() for word in line.whole.partition("="))
        if not equals or name not in _NAMES:
            known = ", ".join(sorted(_NAMES))
            text = f'expected "name = value" with one of {known}, got "{line.whole[:40]}"'
            problems.append(Problem(text, path, line.number, lost=False))
            continue
        values[name] = value
    try:
        return _query(values, path), problems
    except ValueError as error:
        return None, [*problems, Problem(str(error), path)]


def _query(values: Mapping[str, str], path: Path) -> Query:
    text = values.get("query") or _built(values)
    if not values.get("dbpath"):
        raise ValueError("expected dbpath = FILE")
    limit = values.get("expansion_limit", "0")
    if not limit.isdecimal():
        raise ValueError(f'expansion_limit: expected a number, got "{limit}"')
    asked, codes = _bound(text)
    return Query(
        database=path.parent / values["dbpath"],
        text=asked,
        codes=tuple(codes),
        result_format=values.get("result_format", "%s"),
        most_rows=int(limit),
        domains=frozenset(
            fold(word) for word in re.split(r"[\s,]+", values.get("domain", "")) if word
        ),
    )


def _built(values: Mapping[str, str]) -> str:
    """Return the query that Postfix's older names describe."""
    needed = [values.get(name, "") for name in ("select_field", "table", "where_field")]
    if not all(needed):
        raise ValueError("expected query = SELECT ... WHERE ... = '%s'")
    select, table, where = needed
    more = values.get("additional_conditions", "")
    return f"SELECT {select} FROM {table} WHERE {where} = '%s' {more}"


def _bound(text: str) -> tuple[str, list[str]]:
    """Return the query with ``?`` in place of each code, inside of quotes too."""
    pieces: list[str] = []
    codes: list[str] = []
    for piece in _LITERAL.findall(text):
        if piece.startswith("'") and _CODE.search(piece.replace("%%", "")):
            pieces.append(_concatenated(piece[1:-1], codes))
        elif piece.startswith("'") or piece == "%%":
            pieces.append(piece.replace("%%", "%"))
        elif piece.startswith("%"):
            codes.append(_known_code(piece[1]))
            pieces.append("?")
        else:
            pieces.append(piece)
    return "".join(pieces), codes


def _concatenated(literal: str, codes: list[str]) -> str:
    """Return ``'a%sb'`` as ``('a' || ? || 'b')``."""
    words: list[str] = []
    at = 0
    plain = ""
    for match in _CODE.finditer(literal):
        plain += literal[at : match.start()]
        at = match.end()
        if match[1] == "%":
            plain += "%"
            continue
        codes.append(_known_code(match[1]))
        words += [f"'{plain}'", "?"] if plain else ["?"]
        plain = ""
    plain += literal[at:]
    words += [f"'{plain}'"] if plain else []
    return words[0] if len(words) == 1 else f"({' || '.join(words)})"


def _known_code(letter: str) -> str:
    if letter not in "sudSUD123456789":
        raise ValueError(f'query: "%{letter}" means nothing; a plain percent sign is written "%%"')
    return letter
