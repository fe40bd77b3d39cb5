# SPDX-License-Identifier: MIT
"""What every type of table does alike; ``test_conformance.py`` runs it over each."""

from __future__ import annotations

import asyncio
import os
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from homemail.errors import TableUnavailable
from homemail.lookup import open_table
from homemail.lookup.api import Found, Table

ENTRIES = {"alice": "one", "bob": "two, three"}


@dataclass(frozen=True)
class Kind:
    """How to make a table of this type that has ``entries`` (and to change them)."""

    name: str
    make: Callable[[Path, dict[str, str]], str]
    in_file: bool = True
    folds: bool = True
    odd_keys: bool = True


def _write(path: Path, text: str) -> str:
    fresh = path.with_suffix(".new")
    fresh.write_text(text)
    fresh.chmod(0o644)
    os.replace(fresh, path)
    return str(path)


def _lines(entries: dict[str, str], line: str) -> str:
    return "".join(line.format(key, value) for key, value in entries.items())


def _sqlite(path: Path, entries: dict[str, str]) -> str:
    database = path / "table.sqlite"
    with sqlite3.connect(database) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS t (k TEXT PRIMARY KEY, v TEXT)")
        connection.execute("DELETE FROM t")
        connection.executemany("INSERT INTO t VALUES (?, ?)", entries.items())
    connection.close()
    return _write(path / "table", "dbpath = table.sqlite\nquery = SELECT v FROM t WHERE k = '%s'\n")


KINDS = [
    *(
        Kind(name, lambda p, e, n=name: f"{n}:" + _write(p / "table", _lines(e, "{} {}\n")))
        for name in ("text", "hash", "btree", "texthash", "dbm")
    ),
    Kind("regexp", lambda p, e: "regexp:" + _write(p / "table", _lines(e, "/^{}$/ {}\n"))),
    Kind("pcre", lambda p, e: "pcre:" + _write(p / "table", _lines(e, "/^(?:{})$/ {}\n"))),
    Kind(
        "inline",
        lambda p, e: "inline:{" + ",".join(f"{{{k} = {v}}}" for k, v in e.items()) + "}",
        in_file=False,
    ),
    Kind("sqlite", lambda p, e: "sqlite:" + _sqlite(p, e)),
]


def look(table: Table, key: str) -> Found | None:
    return asyncio.run(table.lookup(key))


class TableConformance:
    """The suite; ``kind`` and ``tmp_path`` come from the test module."""

    def open(self, kind: Kind, path: Path, entries: dict[str, str] | None = None) -> Table:
        return open_table(kind.make(path, ENTRIES if entries is None else entries))

    def test_found(self, kind: Kind, tmp_path: Path) -> None:
        found = look(self.open(kind, tmp_path), "alice")
        assert found == "one"
        assert found.where
        assert look(self.open(kind, tmp_path), "bob") == "two, three"

    def test_absent(self, kind: Kind, tmp_path: Path) -> None:
        table = self.open(kind, tmp_path)
        assert [look(table, key) for key in ("carol", "alic", "alicee", "one")] == [None] * 4

    def test_upper_case_is_the_same(self, kind: Kind, tmp_path: Path) -> None:
        assert look(self.open(kind, tmp_path), "ALICE") == "one"

    @pytest.mark.parametrize(
        "key",
        ["", " ", "'", "' OR ''='", "\\", "%s", "a\nb", "\nalice", "\0", "é", "x" * 5000, "$1"],
    )
    def test_odd_keys_are_absent(self, kind: Kind, tmp_path: Path, key: str) -> None:
        assert look(self.open(kind, tmp_path), key) is None

    def test_many_at_once(self, kind: Kind, tmp_path: Path) -> None:
        table = self.open(kind, tmp_path)

        async def many() -> list[Found | None]:
            return await asyncio.gather(*(table.lookup("alice") for _ in range(20)))

        assert asyncio.run(many()) == ["one"] * 20

    def test_a_change_counts_at_once(self, kind: Kind, tmp_path: Path) -> None:
        if not kind.in_file:
            pytest.skip("it is in the settings")
        table = self.open(kind, tmp_path)
        assert look(table, "carol") is None
        kind.make(tmp_path, {"carol": "new"})
        assert look(table, "carol") == "new"
        assert look(table, "alice") is None

    def test_missing_is_not_absent(self, kind: Kind, tmp_path: Path) -> None:
        if not kind.in_file:
            pytest.skip("it is in the settings")
        table = self.open(kind, tmp_path)
        assert look(table, "alice") == "one"
        (tmp_path / "table").unlink()
        for _ in range(2):
            with pytest.raises(TableUnavailable):
                look(table, "alice")
        assert "No such file" in str(asyncio.run(table.problems())[0])
        kind.make(tmp_path, ENTRIES)
        assert look(table, "alice") == "one"

    def test_a_good_table_has_no_problems(self, kind: Kind, tmp_path: Path) -> None:
        assert list(asyncio.run(self.open(kind, tmp_path).problems())) == []
