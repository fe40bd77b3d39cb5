# SPDX-License-Identifier: MIT
"""The full-text index of one owner: which messages can hold a text (``docs/formats/index.md``).

It only narrows: what it gives is verified by reading, what it does not know yet is read anyway. So
it may be behind, hold messages that have gone, and be deleted at any time. It has a file of its
own, as it is larger than the index and is written beside the owner's lane.
"""

from __future__ import annotations

import contextlib
import sqlite3
import threading
from collections.abc import Collection, Sequence
from pathlib import Path

from homemail.errors import MailError
from homemail.log import Log
from homemail.message.header import split_message
from homemail.message.mime import scan
from homemail.message.text import body_text, header_text
from homemail.model.mailbox import Uid
from homemail.model.search import And, BodyHas, Or, SearchKey, TextHas
from homemail.store.maildir_reading import ReadableBox

AT_ONCE = 10
"""Messages that are read before a search has its turn."""

_VERSION = 1
_TABLES = """
CREATE TABLE mailbox (
    number INTEGER PRIMARY KEY,
    mailbox_id TEXT NOT NULL,
    uid_validity INTEGER NOT NULL,
    done INTEGER NOT NULL,
    held INTEGER NOT NULL,
    UNIQUE (mailbox_id, uid_validity)
);
CREATE TABLE always (id INTEGER PRIMARY KEY);
CREATE VIRTUAL TABLE text USING fts5(
    octets, content='', detail=none, tokenize='trigram case_sensitive 1'
);
"""
_LONGEST = 1 << 20  # letters: a longer text is not taken apart, and always read
_MOST_PIECES = 16  # of a text that is asked for; what is found is verified anyway
_GONE_KEPT = 10_000  # messages of a mailbox that have gone, before everything is made anew

log = Log("store")


class FullText:
    """The open full-text index. ``path`` None: there is none."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None

    def narrowed(self, box: ReadableBox, key: SearchKey, uids: Sequence[Uid]) -> Sequence[Uid]:
        """Return those of ``uids`` that may be what ``key`` asks for."""
        if self._path is None or not _asks_for_text(key):
            return uids
        with self._lock:
            try:
                connection = self._open()
                number, done, _ = _mailbox(connection, box)
                found = _candidates(connection, number, key)
                always = _in_span(connection, "SELECT id FROM always WHERE id", number)
            except sqlite3.Error as error:
                self._give_up(error)
                return uids
        if found is None:
            return uids
        found |= always
        return [uid for uid in uids if uid > done or uid in found]

    def fill(self, box: ReadableBox) -> bool:
        """Take in a few messages of ``box``; return whether there are more of them."""
        if self._path is None:
            return False
        rows = box.rows
        with self._lock:
            try:
                connection = self._open()
                number, done, held = _mailbox(connection, box)
                if held > 2 * len(rows) + _GONE_KEPT:
                    self._remove()
                    return True
                start = rows.first_above(done)
                uids = [rows.uids[at] for at in range(start, min(start + AT_ONCE, len(rows)))]
                if uids:
                    self._take(connection, number, box, uids)
                return start + AT_ONCE < len(rows)
            except sqlite3.Error as error:
                self._give_up(error)
                return False

    def _take(
        self, connection: sqlite3.Connection, number: int, box: ReadableBox, uids: Sequence[int]
    ) -> None:
        texts = [((number << 32) + uid, _text_of(box, uid)) for uid in uids]
        connection.execute("BEGIN")
        try:
            for id, text in texts:
                if text is None or len(text) > _LONGEST:
                    connection.execute("INSERT OR REPLACE INTO always VALUES (?)", (id,))
                else:
                    connection.execute("INSERT INTO text (rowid, octets) VALUES (?, ?)", (id, text))
            connection.execute(
                "UPDATE mailbox SET done = ?, held = held + ? WHERE number = ?",
                (uids[-1], len(uids), number),
            )
            connection.execute("COMMIT")
        except BaseException:
            connection.execute("ROLLBACK")
            raise

    def forget(self, box: ReadableBox) -> None:
        """Begin ``box`` anew."""
        if self._path is None:
            return
        with self._lock:
            try:
                self._open().execute(
                    "DELETE FROM mailbox WHERE mailbox_id = ?", (str(box.mailbox_id),)
                )
            except sqlite3.Error as error:
                self._give_up(error)

    def _open(self) -> sqlite3.Connection:
        if self._connection is None:
            assert self._path is not None  # for the type checker: every caller has looked
            self._path.touch(mode=0o600)
            connection = sqlite3.connect(self._path, isolation_level=None, check_same_thread=False)
            self._connection = connection
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = NORMAL")
            connection.execute("PRAGMA trusted_schema = OFF")
            (version,) = connection.execute("PRAGMA user_version").fetchone()
            if version == 0:
                script = f"BEGIN;{_TABLES}PRAGMA user_version = {_VERSION};COMMIT;"
                connection.executescript(script)
            elif version != _VERSION:
                raise sqlite3.DatabaseError("another version")
        return self._connection

    def _give_up(self, error: sqlite3.Error) -> None:
        """Remove what cannot be used; the next one who asks begins anew."""
        log.warning("full-text index is made anew", file=self._path, reason=error)
        self._remove()

    def _remove(self) -> None:
        self._close()
        for suffix in ("", "-wal", "-shm"):
            if self._path is not None:
                with contextlib.suppress(OSError):
                    self._path.with_name(self._path.name + suffix).unlink()

    def _close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(sqlite3.Error):
                connection.close()

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._close()


def _mailbox(connection: sqlite3.Connection, box: ReadableBox) -> tuple[int, int, int]:
    """Return the number of a mailbox, the last UID that was taken in, and how many were."""
    name = (str(box.mailbox_id), int(box.uid_validity))
    query = "SELECT number, done, held FROM mailbox WHERE mailbox_id = ? AND uid_validity = ?"
    row: tuple[int, int, int] | None = connection.execute(query, name).fetchone()
    if row is not None:
        return row
    # A number is never used again: messages of whom had it may be there still.
    cursor = connection.execute(
        "INSERT INTO mailbox SELECT coalesce(max(number), 0) + 1, ?, ?, 0, 0 FROM"
        " (SELECT number FROM mailbox UNION ALL SELECT max(rowid) >> 32 FROM text)",
        name,
    )
    return cursor.lastrowid or 0, 0, 0


def _text_of(box: ReadableBox, uid: int) -> str | None:
    """Return what TEXT looks at, case-folded; None where it cannot be read now."""
    try:
        octets = box.octets(uid)
    except MailError as error:
        log.warning("message cannot be read", mailbox=box.name, uid=uid, reason=error.__cause__)
        return None
    header = bytes(octets[: split_message(octets)])
    text = f"{header_text(header)}\n{body_text(octets, scan(octets))}".casefold()
    return text.replace("\0", " ")


def _asks_for_text(key: SearchKey) -> bool:
    match key:
        case TextHas() | BodyHas():
            return True
        case And(keys):
            return any(map(_asks_for_text, keys))
        case Or(first, second):
            return _asks_for_text(first) and _asks_for_text(second)
        case _:
            return False


def _candidates(connection: sqlite3.Connection, number: int, key: SearchKey) -> set[int] | None:
    """Return the UIDs, of those taken in, that ``key`` may ask for; None where all may be."""
    match key:
        case TextHas(text) | BodyHas(text):
            return _holding(connection, number, text.casefold())
        case And(keys):
            found = [_candidates(connection, number, inner) for inner in keys]
            known = [uids for uids in found if uids is not None]
            return set.intersection(*known) if known else None
        case Or(first, second):
            one, other = (_candidates(connection, number, inner) for inner in (first, second))
            return None if one is None or other is None else one | other
        case _:
            return None


def _holding(connection: sqlite3.Connection, number: int, text: str) -> set[int] | None:
    pieces = list(dict.fromkeys(text[at : at + 3] for at in range(len(text) - 2)))
    if not pieces or "\0" in text:
        return None
    pieces = pieces[:: 1 + len(pieces) // _MOST_PIECES]
    query = " AND ".join('"{}"'.format(piece.replace('"', '""')) for piece in pieces)
    return _in_span(
        connection, "SELECT rowid FROM text WHERE text MATCH ? AND rowid", number, query
    )


def _in_span(connection: sqlite3.Connection, query: str, number: int, *values: str) -> set[int]:
    low = number << 32
    rows: Collection[tuple[int]] = connection.execute(
        f"{query} BETWEEN ? AND ?", (*values, low, low + 0xFFFFFFFF)
    ).fetchall()
    return {row[0] - low for row in rows}
