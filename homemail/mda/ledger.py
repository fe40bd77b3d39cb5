# SPDX-License-Identifier: MIT
"""What an owner's delivery has done already, and when: so that it is not done again too soon.

A ledger is an SQLite file in ``~/.homemail/ledger``: one table ``answered`` with a digest of what
was done and the time (seconds since 1970). It is not a cache: without it people would get an answer
twice. The newest 10,000 rows are kept.
"""

from __future__ import annotations

import hashlib
import os
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from homemail import durable
from homemail.errors import Temporary

DIRECTORY = (".homemail", "ledger")
VERSION = 1
_APPLICATION = 0x686D7661  # "hmva"
_MOST_REMEMBERED = 10_000  # RFC 5230 §4.2 asks for 1000


def digest(words: Iterable[str]) -> bytes:
    """Return what tells one thing that was done from others."""
    return hashlib.sha256("\0".join(words).encode("utf-8", "replace")).digest()


class Ledger:
    """The memory ``name`` in one home. Used in the owner's lane only."""

    def __init__(self, home: Path, name: str) -> None:
        self._path = home.joinpath(*DIRECTORY, f"{name}.sqlite")

    def claim(self, key: bytes, now: float, seconds: float) -> bool:
        """Note that ``key`` is done, durably; False: it was, less than ``seconds`` ago.

        Raises:
            Temporary: the memory cannot be read or written.
        """
        with self._opened() as ledger:
            if _is_recent(ledger, key, now, seconds):
                return False
            _note(ledger, key, now)
            return True

    def is_recent(self, key: bytes, now: float, seconds: float) -> bool:
        """Whether ``key`` was noted less than ``seconds`` ago.

        Raises:
            Temporary: the memory cannot be read.
        """
        with self._opened() as ledger:
            return _is_recent(ledger, key, now, seconds)

    def note(self, keys: Iterable[bytes], now: float) -> None:
        """Note that ``keys`` are done now, durably.

        Raises:
            Temporary: the memory cannot be written.
        """
        with self._opened() as ledger:
            for key in keys:
                _note(ledger, key, now)

    def forget(self, key: bytes) -> None:
        """Take back a claim: what was to be done could not be.

        Raises:
            Temporary: the memory cannot be written.
        """
        with self._opened() as ledger:
            ledger.execute("DELETE FROM answered WHERE digest = ?", (key,))

    @contextmanager
    def _opened(self) -> Iterator[sqlite3.Connection]:
        with closing(self._open()) as ledger, _trouble_is_temporary(), ledger:
            yield ledger

    def _open(self) -> sqlite3.Connection:
        durable.make_directory(self._path.parent)
        with durable.doing("opening a ledger"):  # SQLite's own mode would be 0644
            flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
            os.close(os.open(self._path, flags, 0o600))
        with _trouble_is_temporary():
            ledger = sqlite3.connect(self._path, timeout=5)
            try:
                _prepare(ledger)
            except BaseException:
                ledger.close()
                raise
        return ledger


def _is_recent(ledger: sqlite3.Connection, key: bytes, now: float, seconds: float) -> bool:
    row = ledger.execute("SELECT at FROM answered WHERE digest = ?", (key,)).fetchone()
    # A clock that was set back must not silence the answers for years.
    return row is not None and 0 <= now - row[0] < seconds


def _note(ledger: sqlite3.Connection, key: bytes, now: float) -> None:
    ledger.execute("INSERT OR REPLACE INTO answered VALUES (?, ?)", (key, now))
    ledger.execute(
        "DELETE FROM answered WHERE digest IN"
        " (SELECT digest FROM answered ORDER BY at DESC LIMIT -1 OFFSET ?)",
        (_MOST_REMEMBERED,),
    )


@contextmanager
def _trouble_is_temporary() -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise Temporary("Local trouble with a ledger, try again later") from error


def _prepare(ledger: sqlite3.Connection) -> None:
    version = ledger.execute("PRAGMA user_version").fetchone()[0]
    if version > VERSION:
        raise Temporary("A ledger was written by a newer homemail")
    if version == 0:
        with ledger:
            ledger.execute(
                "CREATE TABLE IF NOT EXISTS answered"
                " (digest BLOB PRIMARY KEY, at REAL NOT NULL) WITHOUT ROWID"
            )
        ledger.execute(f"PRAGMA application_id = {_APPLICATION}")
        ledger.execute(f"PRAGMA user_version = {VERSION}")
    ledger.execute("PRAGMA synchronous = FULL")
