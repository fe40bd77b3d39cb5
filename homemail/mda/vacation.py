# SPDX-License-Identifier: MIT
"""Whether ``vacation`` may answer a message, and whom it answered already.

The memory is ``~/.homemail/ledger/vacation.sqlite``: one table ``answered`` with the digest of what
was answered to whom and the time (seconds since 1970). It is not a cache: without it people would
get an answer twice.
"""

from __future__ import annotations

import hashlib
import os
import re
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from homemail import durable
from homemail.errors import Temporary
from homemail.message.address_list import parse_addresses
from homemail.message.header import read_fields
from homemail.model.address import Address
from homemail.sieve import Vacation

VERSION = 1
_APPLICATION = 0x686D7661  # "hmva"
_MOST_REMEMBERED = 10_000  # RFC 5230 §4.2 asks for 1000
_LIST_FIELDS = (
    b"list-id",
    b"list-help",
    b"list-subscribe",
    b"list-unsubscribe",
    b"list-post",
    b"list-owner",
    b"list-archive",
)
_RECIPIENT_FIELDS = (b"to", b"cc", b"bcc", b"resent-to", b"resent-cc", b"resent-bcc")
_AUTOMATIC = re.compile(
    r"mailer-daemon|listserv|majordomo|no-?reply|do-?not-?reply|bounces?|(?:.*-)?request|owner-.*"
    r"|.*-(?:owner|bounces?)|root|daemon|nobody",
    re.IGNORECASE,
)


def reason_not_to_answer(header: bytes, sender: Address | None, own: Iterable[str]) -> str | None:
    """Return why this message gets no answer, or None where it may get one.

    ``own`` are the owner's addresses.

    Source: RFC 5230 §4.5, RFC 5230 §4.6, RFC 3834 §2.
    """
    if sender is None:
        return "the null sender"
    if _AUTOMATIC.fullmatch(sender.local_part):
        return "the sender is a machine"
    mine = {address.lower() for address in own}
    if str(sender).lower() in mine:
        return "the owner himself"
    fields = read_fields(header)
    automatic = fields.get(b"auto-submitted", [b"no"])[0].partition(b";")[0].partition(b"(")[0]
    if automatic.strip().lower() != b"no":
        return "sent automatically"
    if any(name in fields for name in _LIST_FIELDS):
        return "from a mailing list"
    if fields.get(b"precedence", [b""])[0].lower() in (b"bulk", b"list", b"junk"):
        return "precedence"
    if not any(
        _is_named(body, mine) for name in _RECIPIENT_FIELDS for body in fields.get(name, ())
    ):
        return "not addressed to the owner"
    return None


def _is_named(body: bytes, mine: set[str]) -> bool:
    return any(
        entry.host and f"{_text(entry.mailbox)}@{_text(entry.host)}".lower() in mine
        for entry in parse_addresses(body)
    )


def _text(octets: bytes | None) -> str:
    return (octets or b"").decode("utf-8", "replace")


class VacationMemory:
    """Whom the owner's scripts answered, and when. Used in the owner's lane only."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def claim(self, action: Vacation, sender: Address, now: float) -> bool:
        """Note that ``sender`` gets this answer, durably.

        False: he got it less than ``action.seconds`` ago.

        Raises:
            Temporary: the memory cannot be read or written.
        """
        digest = _digest(action, sender)
        with closing(self._open()) as ledger, _trouble_is_temporary(), ledger:
            row = ledger.execute("SELECT at FROM answered WHERE digest = ?", (digest,)).fetchone()
            # A clock that was set back must not silence the answers for years.
            if row is not None and 0 <= now - row[0] < action.seconds:
                return False
            ledger.execute("INSERT OR REPLACE INTO answered VALUES (?, ?)", (digest, now))
            ledger.execute(
                "DELETE FROM answered WHERE digest IN"
                " (SELECT digest FROM answered ORDER BY at DESC LIMIT -1 OFFSET ?)",
                (_MOST_REMEMBERED,),
            )
            return True

    def forget(self, action: Vacation, sender: Address) -> None:
        """Take back a claim: the answer could not be sent.

        Raises:
            Temporary: the memory cannot be written.
        """
        with closing(self._open()) as ledger, _trouble_is_temporary(), ledger:
            ledger.execute("DELETE FROM answered WHERE digest = ?", (_digest(action, sender),))

    def _open(self) -> sqlite3.Connection:
        durable.make_directory(self._path.parent)
        with durable.doing("opening the vacation memory"):  # SQLite's own mode would be 0644
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


@contextmanager
def _trouble_is_temporary() -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise Temporary("Local trouble with the vacation memory, try again later") from error


def _prepare(ledger: sqlite3.Connection) -> None:
    version = ledger.execute("PRAGMA user_version").fetchone()[0]
    if version > VERSION:
        raise Temporary("The vacation memory was written by a newer homemail")
    if version == 0:
        with ledger:
            ledger.execute(
                "CREATE TABLE IF NOT EXISTS answered"
                " (digest BLOB PRIMARY KEY, at REAL NOT NULL) WITHOUT ROWID"
            )
        ledger.execute(f"PRAGMA application_id = {_APPLICATION}")
        ledger.execute(f"PRAGMA user_version = {VERSION}")
    ledger.execute("PRAGMA synchronous = FULL")


def _digest(action: Vacation, sender: Address) -> bytes:
    """Return what tells one answer to one sender from others (RFC 5230 §4.2)."""
    words = [str(sender).lower(), action.handle]
    if not action.handle:
        words += [action.subject or "", action.header_from or "", str(action.mime), action.reason]
    return hashlib.sha256("\0".join(words).encode("utf-8", "replace")).digest()
