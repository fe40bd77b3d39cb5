# SPDX-License-Identifier: MIT
"""The index: a cache, one SQLite file per owner, of what makes reading fast.

It can be deleted at any time (``docs/formats/index.md``). Its commits are not synced: after a
power cut it may be behind, which the names of files and the times of directories show.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from homemail import durable
from homemail.errors import Temporary
from homemail.log import Log
from homemail.model.mailbox import MailboxId, Uid
from homemail.store.api import CachedParts, Wanted
from homemail.store.describe import Description
from homemail.store.rows import Row, Rows

VERSION = 1
HEADER_KEPT = 64 * 1024
"""Longer headers are read from the file."""

_TABLES = """
CREATE TABLE mailbox (
    number INTEGER PRIMARY KEY,
    mailbox_id TEXT NOT NULL UNIQUE,
    uid_validity INTEGER NOT NULL,
    directory BLOB NOT NULL,
    uid_next INTEGER NOT NULL,
    mod_seq INTEGER NOT NULL,
    first_recent INTEGER NOT NULL,
    forgotten INTEGER NOT NULL,
    times TEXT NOT NULL
);
CREATE TABLE message (
    id INTEGER PRIMARY KEY,
    path BLOB NOT NULL,
    bits INTEGER NOT NULL,
    mod_seq INTEGER NOT NULL,
    size INTEGER NOT NULL,
    date INTEGER NOT NULL,
    saved INTEGER NOT NULL,
    email BLOB NOT NULL,
    thread BLOB NOT NULL,
    filled INTEGER NOT NULL
);
CREATE TABLE parts (id INTEGER PRIMARY KEY, envelope BLOB NOT NULL, body_structure BLOB NOT NULL);
CREATE TABLE header (id INTEGER PRIMARY KEY, octets BLOB NOT NULL);
CREATE TABLE vanished (id INTEGER PRIMARY KEY, mod_seq INTEGER NOT NULL);
"""

_BUSY_SECONDS = 5.0
_PASSING = frozenset(
    {
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_NOMEM,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_PERM,
    }
)
_CACHE_KIB = 512  # per connection: there may be hundreds of owners; the system caches too
_MOST_VANISHED = 50_000  # per mailbox; half of them are forgotten when there are more

log = Log("store")


@dataclass(slots=True)
class BoxRecord:
    """What the index says of a mailbox.

    ``number`` is its own name for it, in this ``generation`` of the index. ``forgotten``:
    removals up to this mod-sequence may be unknown. ``times``: those of the directories when a
    listing found nothing new, or empty.
    """

    generation: int
    number: int
    uid_next: int
    mod_seq: int
    first_recent: int
    forgotten: int
    times: str


class Index:
    """The open index of one owner. The lane and a reader may call at the same time."""

    def __init__(self, path: Path) -> None:
        """Open or make the index; one that cannot be used is set aside and made anew.

        Raises:
            Temporary: the file cannot be made.
        """
        self.path = path
        self.generation = 0
        self._lock = threading.RLock()
        self._writer = self._open()
        self._reader = self._connect()

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self.path, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False
        )
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("PRAGMA trusted_schema = OFF")
        connection.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
        return connection

    def _open(self) -> sqlite3.Connection:
        try:
            return self._checked()
        except sqlite3.Error as error:
            if _passes(error):
                raise Temporary("The index of the mailboxes cannot be opened") from error
            self._set_aside(str(error))
        try:
            return self._checked()
        except sqlite3.Error as error:
            raise Temporary("The index of the mailboxes cannot be opened") from error

    def _checked(self) -> sqlite3.Connection:
        """Return a connection to an index of this version, made if there is none."""
        self.path.touch(mode=0o600)
        connection = self._connect()
        try:
            (version,) = connection.execute("PRAGMA user_version").fetchone()
            tables = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
            if version == 0 and tables == (0,):
                connection.executescript(f"BEGIN;{_TABLES}PRAGMA user_version = {VERSION};COMMIT;")
            elif version != VERSION:
                raise sqlite3.DatabaseError("another version")
            for table in ("mailbox", "message", "parts", "header", "vanished"):
                connection.execute(f"SELECT * FROM {table} LIMIT 1").fetchone()
        except BaseException:
            connection.close()
            raise
        return connection

    def _set_aside(self, reason: str) -> None:
        log.warning("index cannot be used and is made anew", file=self.path, reason=reason)
        with contextlib.suppress(OSError):
            self.path.replace(self.path.with_name(f"{self.path.name}.damaged-{int(time.time())}"))
        for suffix in ("-wal", "-shm"):
            self.path.with_name(self.path.name + suffix).unlink(missing_ok=True)

    @contextlib.contextmanager
    def change(self) -> Iterator[sqlite3.Connection]:
        """Begin a transaction; it is committed at the end, for readers to see.

        Raises:
            IndexTrouble: it failed; what the index lacks now is found again by listing.
        """
        with self._lock:
            try:
                self._writer.execute("BEGIN IMMEDIATE")
                yield self._writer
                self._writer.execute("COMMIT")
            except sqlite3.Error as error:
                log.warning("index could not be written", file=self.path, reason=error)
                with contextlib.suppress(sqlite3.Error):
                    self._writer.execute("ROLLBACK")
                self._mend(error)
                raise IndexTrouble from error
            except BaseException:
                with contextlib.suppress(sqlite3.Error):
                    self._writer.execute("ROLLBACK")
                raise

    def _mend(self, error: sqlite3.Error) -> None:
        """Begin an empty index where the trouble is not one that passes.

        Where that fails too, everything goes on without an index.
        """
        if _passes(error):
            return
        self._close()
        self.generation += 1
        try:
            with durable.doing("making the index anew"):
                self._set_aside(str(error))
                self._writer = self._open()
                self._reader = self._connect()
        except (Temporary, sqlite3.Error) as trouble:
            log.error("index cannot be made anew", file=self.path, reason=trouble)

    @contextlib.contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            try:
                yield self._writer
            except sqlite3.Error as error:
                log.warning("index could not be read", file=self.path, reason=error)
                self._mend(error)
                raise IndexTrouble from error

    def mailbox(self, mailbox_id: MailboxId, uid_validity: int) -> BoxRecord | None:
        """Return what is known of a mailbox; None where it is unknown or had other UIDs."""
        with contextlib.suppress(IndexTrouble), self._reading() as connection:
            row = connection.execute(
                "SELECT number, uid_next, mod_seq, first_recent, forgotten, times FROM mailbox"
                " WHERE mailbox_id = ? AND uid_validity = ?",
                (mailbox_id, uid_validity),
            ).fetchone()
            return BoxRecord(self.generation, *row) if row else None
        return None

    def directory_of(self, mailbox_id: MailboxId) -> str | None:
        """Return where the mailbox of this id was when it was last loaded."""
        with contextlib.suppress(IndexTrouble), self._reading() as connection:
            row = connection.execute(
                "SELECT directory FROM mailbox WHERE mailbox_id = ?", (mailbox_id,)
            ).fetchone()
            return os.fsdecode(row[0]) if row else None
        return None

    def add_mailbox(
        self,
        mailbox_id: MailboxId,
        uid_validity: int,
        directory: Path,
        uid_next: int,
        mod_seq: int,
    ) -> BoxRecord:
        """Begin to know a mailbox; what was known under its id before is forgotten."""
        with self.change() as connection:
            old = connection.execute(
                "SELECT number FROM mailbox WHERE mailbox_id = ?", (mailbox_id,)
            ).fetchone()
            if old:
                _forget(connection, old[0])
            cursor = connection.execute(
                "INSERT INTO mailbox (mailbox_id, uid_validity, directory, uid_next, mod_seq,"
                " first_recent, forgotten, times) VALUES (?, ?, ?, ?, ?, ?, ?, '')",
                (
                    mailbox_id,
                    uid_validity,
                    os.fsencode(directory),
                    uid_next,
                    mod_seq,
                    uid_next,
                    mod_seq,
                ),
            )
            number = cursor.lastrowid or 0
        return BoxRecord(self.generation, number, uid_next, mod_seq, uid_next, mod_seq, "")

    def forget(self, number: int) -> None:
        """Forget a mailbox that was deleted."""
        with self.change() as connection:
            _forget(connection, number)

    def rows(self, number: int) -> Rows:
        """Return what is known of a mailbox's messages.

        Raises:
            IndexTrouble: the index cannot be read.
        """
        with self._reading() as connection:
            cursor = connection.execute(
                "SELECT id & 4294967295, path, bits, mod_seq, size, date, saved, email, thread,"
                " filled FROM message WHERE id BETWEEN ? AND ? ORDER BY id",
                _span(number),
            )
            return Rows.of_columns(cursor.fetchall())

    def parts(self, box: BoxRecord, uids: Sequence[int], wanted: Wanted) -> dict[int, CachedParts]:
        """Return what is asked for of those messages that the index has it of."""
        found: dict[int, CachedParts] = {}
        if box.generation != self.generation:
            return found
        try:
            for start in range(0, len(uids), 10_000):
                rows = self._joined(box.number, uids[start : start + 10_000], wanted)
                found |= {row[0]: CachedParts._make(row) for row in rows}
        except sqlite3.Error as error:
            log.warning("index could not be read", file=self.path, reason=error)
        return found

    def _joined(
        self, number: int, uids: Sequence[int], wanted: Wanted
    ) -> list[tuple[int, bytes, bytes, bytes]]:
        """Read one chunk: as a span where it is dense, else one by one."""
        parts = wanted.envelope or wanted.body_structure
        columns = ["envelope" if wanted.envelope else "x''"]
        columns += ["body_structure" if wanted.body_structure else "x''"]
        columns += ["octets" if wanted.header else "x''"]
        tables = "parts" if parts else "header"
        if parts and wanted.header:
            tables = "parts JOIN header USING (id)"
        query = f"SELECT id & 4294967295, {', '.join(columns)} FROM {tables} WHERE id "
        high = number << 32
        if uids and uids[-1] - uids[0] < 2 * len(uids):
            span = (high + uids[0], high + uids[-1])
            rows = self._read(query + "BETWEEN ? AND ? ORDER BY id", span)
            asked = set(uids)
            return [row for row in rows if row[0] in asked] if len(rows) != len(uids) else rows
        return [row for uid in uids for row in self._read(query + "= ?", (high + uid,))]

    def _read(self, query: str, values: Sequence[int]) -> list[tuple[int, bytes, bytes, bytes]]:
        return self._reader.execute(query, values).fetchall()

    def vanished(self, box: BoxRecord, mod_seq: int) -> list[Uid]:
        """Return the UIDs removed after ``mod_seq``, as far as they are remembered."""
        with contextlib.suppress(IndexTrouble), self._reading() as connection:
            rows = connection.execute(
                "SELECT id & 4294967295 FROM vanished WHERE id BETWEEN ? AND ? AND mod_seq > ?"
                " ORDER BY id",
                (*_span(box.number), mod_seq),
            ).fetchall()
            return [Uid(row[0]) for row in rows]
        return []

    def close(self) -> None:
        """Close the files."""
        with self._lock:
            self._close()

    def _close(self) -> None:
        for connection in (self._reader, self._writer):
            with contextlib.suppress(sqlite3.Error):
                connection.close()


def _passes(error: sqlite3.Error) -> bool:
    """Whether the index itself is not to blame: it is locked, the disk is full and the like."""
    code = getattr(error, "sqlite_errorcode", None)
    return code is not None and code & 0xFF in _PASSING


class IndexTrouble(Exception):
    """The index failed; it has been logged."""


def save_box(connection: sqlite3.Connection, box: BoxRecord) -> None:
    """Keep what changes of a mailbox."""
    connection.execute(
        "UPDATE mailbox SET uid_next = ?, mod_seq = ?, first_recent = ?, forgotten = ?, times = ?"
        " WHERE number = ?",
        (box.uid_next, box.mod_seq, box.first_recent, box.forgotten, box.times, box.number),
    )


def save_directory(connection: sqlite3.Connection, box: BoxRecord, directory: Path) -> None:
    """Keep where a mailbox is now."""
    connection.execute(
        "UPDATE mailbox SET directory = ? WHERE number = ?", (os.fsencode(directory), box.number)
    )


def save_rows(connection: sqlite3.Connection, number: int, rows: Iterable[Row]) -> None:
    """Keep messages, new or changed."""
    connection.executemany(
        "INSERT OR REPLACE INTO message VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            (
                (number << 32) + row.uid,
                os.fsencode(row.path),
                row.bits,
                row.mod_seq,
                row.size,
                row.date,
                row.saved,
                row.email,
                row.thread,
                row.filled,
            )
            for row in rows
        ),
    )


def save_filled(connection: sqlite3.Connection, number: int, rows: Iterable[Row]) -> None:
    """Keep what was read from the files of messages that are known already."""
    connection.executemany(
        "UPDATE message SET size = ?, date = ?, saved = ?, email = ?, thread = ?, filled = 1"
        " WHERE id = ?",
        (
            (row.size, row.date, row.saved, row.email, row.thread, (number << 32) + row.uid)
            for row in rows
        ),
    )


def save_flags(
    connection: sqlite3.Connection, number: int, rows: Iterable[tuple[int, str, int, int]]
) -> None:
    """Keep new flags: UID, path, bits, mod-sequence."""
    connection.executemany(
        "UPDATE message SET path = ?2, bits = ?3, mod_seq = ?4 WHERE id = ?1",
        (
            ((number << 32) + uid, os.fsencode(path), bits, mod_seq)
            for uid, path, bits, mod_seq in rows
        ),
    )


def save_parts(
    connection: sqlite3.Connection, number: int, parts: Iterable[tuple[int, Description]]
) -> None:
    """Keep wire forms and headers."""
    for uid, described in parts:
        key = (number << 32) + uid
        connection.execute(
            "INSERT OR REPLACE INTO parts VALUES (?, ?, ?)",
            (key, described.envelope, described.body_structure),
        )
        if len(described.header) <= HEADER_KEPT:
            connection.execute(
                "INSERT OR REPLACE INTO header VALUES (?, ?)", (key, described.header)
            )


def copy_parts(
    connection: sqlite3.Connection, pairs: Iterable[tuple[int, int]], source: int, target: int
) -> None:
    """Keep for copies what is known of their sources; ``pairs`` of UIDs."""
    keys = [((target << 32) + to, (source << 32) + of) for of, to in pairs]
    connection.executemany(
        "INSERT OR REPLACE INTO parts SELECT ?, envelope, body_structure FROM parts WHERE id = ?",
        keys,
    )
    connection.executemany(
        "INSERT OR REPLACE INTO header SELECT ?, octets FROM header WHERE id = ?", keys
    )


def remove_rows(
    connection: sqlite3.Connection, box: BoxRecord, uids: Sequence[int], mod_seq: int
) -> None:
    """Forget messages and remember that they vanished."""
    keys = [((box.number << 32) + uid,) for uid in uids]
    for table in ("message", "parts", "header"):
        connection.executemany(f"DELETE FROM {table} WHERE id = ?", keys)
    connection.executemany(
        "INSERT OR REPLACE INTO vanished VALUES (?, ?)", [(key, mod_seq) for (key,) in keys]
    )


def trim_vanished(connection: sqlite3.Connection, box: BoxRecord) -> None:
    """Forget the older half of the removals where there are too many."""
    span = _span(box.number)
    (count,) = connection.execute(
        "SELECT count(*) FROM vanished WHERE id BETWEEN ? AND ?", span
    ).fetchone()
    if count > _MOST_VANISHED:
        (box.forgotten,) = connection.execute(
            "SELECT mod_seq FROM vanished WHERE id BETWEEN ? AND ? ORDER BY mod_seq LIMIT 1"
            " OFFSET ?",
            (*span, count // 2),
        ).fetchone()
        connection.execute(
            "DELETE FROM vanished WHERE id BETWEEN ? AND ? AND mod_seq <= ?",
            (*span, box.forgotten),
        )


def _forget(connection: sqlite3.Connection, number: int) -> None:
    for table in ("message", "parts", "header", "vanished"):
        connection.execute(f"DELETE FROM {table} WHERE id BETWEEN ? AND ?", _span(number))
    connection.execute("DELETE FROM mailbox WHERE number = ?", (number,))


def _span(number: int) -> tuple[int, int]:
    return (number << 32, (number << 32) + 0xFFFFFFFF)
