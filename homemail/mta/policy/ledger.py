# SPDX-License-Identifier: MIT
"""What policy must remember over a restart: who came back, how much a sender has sent.

It cannot be rebuilt, so it is in ``data_directory/ledger/policy.sqlite``; each entry has a time
after which it is forgotten. All work on it is done in one thread of its own.
"""

from __future__ import annotations

import asyncio
import os
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import TypeVar

from homemail import durable
from homemail.errors import Temporary

VERSION = 1
_APPLICATION = 0x686D706C  # "hmpl"
_SWEEP_EVERY = 500  # changes between two searches for what may be forgotten

T = TypeVar("T")

_TABLES = """
CREATE TABLE IF NOT EXISTS greylist (
    client TEXT NOT NULL, sender TEXT NOT NULL, recipient TEXT NOT NULL,
    first REAL NOT NULL, passed REAL, until REAL NOT NULL,
    PRIMARY KEY (client, sender, recipient)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS came_back (
    client TEXT PRIMARY KEY, mails INTEGER NOT NULL, until REAL NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS sent (
    sender TEXT PRIMARY KEY, began REAL NOT NULL, recipients INTEGER NOT NULL,
    until REAL NOT NULL) WITHOUT ROWID;
"""


class PolicyLedger:
    """The memory, opened when it is first wanted. ``path`` None keeps it in memory."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._thread: ThreadPoolExecutor | None = None
        self._ledger: sqlite3.Connection | None = None
        self._changes = 0

    async def run(self, work: Callable[[sqlite3.Connection], T], *, now: float) -> T:
        """Return what ``work`` returns, done as one change; ``now`` in seconds since 1970.

        Raises:
            Temporary: the memory cannot be read or written.
        """
        if self._thread is None:
            self._thread = ThreadPoolExecutor(1, "policy-ledger")
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._run, work, now)

    def close(self) -> None:
        """Let go of the file."""
        if self._thread is not None:
            self._thread.submit(self._close)
            self._thread.shutdown()
            self._thread = None

    def _run(self, work: Callable[[sqlite3.Connection], T], now: float) -> T:
        try:
            if self._ledger is None:
                self._ledger = self._open()
            with self._ledger:
                result = work(self._ledger)
                self._changes += 1
                if self._changes % _SWEEP_EVERY == 1:
                    _sweep(self._ledger, now)
            return result
        except sqlite3.Error as error:
            raise Temporary("Local trouble with the policy memory, try again later") from error

    def _open(self) -> sqlite3.Connection:
        if self._path is None:
            return _prepared(sqlite3.connect(":memory:"))
        durable.make_directory(self._path.parent)
        with durable.doing("opening the policy memory"):  # SQLite's own mode would be 0644
            flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
            os.close(os.open(self._path, flags, 0o600))
        return _prepared(sqlite3.connect(self._path, timeout=5))

    def _close(self) -> None:
        if self._ledger is not None:
            self._ledger.close()
            self._ledger = None


def _prepared(ledger: sqlite3.Connection) -> sqlite3.Connection:
    try:
        (version,) = ledger.execute("PRAGMA user_version").fetchone()
        if version > VERSION:
            raise Temporary("The policy memory was written by a newer homemail")
        if version == 0:
            ledger.executescript(_TABLES)
            ledger.execute(f"PRAGMA application_id = {_APPLICATION}")
            ledger.execute(f"PRAGMA user_version = {VERSION}")
        ledger.execute("PRAGMA journal_mode = WAL")
        # A power cut may cost the last seconds of it: some mail is then asked to come once more.
        ledger.execute("PRAGMA synchronous = NORMAL")
    except BaseException:
        ledger.close()
        raise
    return ledger


def _sweep(ledger: sqlite3.Connection, now: float) -> None:
    for table in ("greylist", "came_back", "sent"):
        with closing(ledger.execute(f"DELETE FROM {table} WHERE until < ?", (now,))):
            pass
