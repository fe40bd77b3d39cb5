# SPDX-License-Identifier: MIT
"""What is held in memory of the messages of one mailbox: parallel columns, in order of UID.

Only the owner's lane changes them. A reader beside it takes the object once and counts by
``uids``, which grows last; what removes rows makes a new object. So it sees a mailbox that was.
"""

from __future__ import annotations

import os
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import compress
from typing import Any

from homemail.model.mailbox import Flags, MessageFacts, ModSeq, Uid
from homemail.store import octets

NO_DIGEST = bytes(16)
_FEW = 64


@dataclass(slots=True)
class Row:
    """One message. ``path`` is ``new/NAME`` or ``cur/NAME:2,FLAGS``; dates in seconds.

    ``filled`` says that size, dates and digests are known: they were read from the file, or it
    was written here.
    """

    uid: int
    path: str
    bits: int
    mod_seq: int
    size: int = 0
    date: int = 0
    saved: int = 0
    email: bytes = NO_DIGEST
    thread: bytes = NO_DIGEST
    filled: bool = False


class Rows:
    """The columns."""

    __slots__ = (
        "bits",
        "dates",
        "emails",
        "filled",
        "mod_seqs",
        "paths",
        "saved",
        "sizes",
        "threads",
        "uids",
    )

    def __init__(self, rows: Iterable[Row] = ()) -> None:
        self.uids = array("I")
        self.bits = array("I")
        self.mod_seqs = array("Q")
        self.sizes = array("Q")
        self.dates = array("q")
        self.saved = array("q")
        self.emails = bytearray()
        self.threads = bytearray()
        self.filled = bytearray()
        self.paths: list[str] = []
        for row in rows:
            self.add(row)

    @classmethod
    def of_columns(cls, rows: Sequence[tuple[Any, ...]]) -> Rows:
        """Return the columns of ``rows``, each of them the fields of a ``Row`` in order.

        The path may be octets, as ``os.fsencode`` gives them.
        """
        made = cls()
        if rows:
            uids, paths, bits, mod_seqs, sizes, dates, saved, emails, threads, filled = zip(
                *rows, strict=True
            )
            made.uids, made.bits = array("I", uids), array("I", bits)
            made.mod_seqs, made.sizes = array("Q", mod_seqs), array("Q", sizes)
            made.dates, made.saved = array("q", dates), array("q", saved)
            made.emails, made.threads = bytearray(b"".join(emails)), bytearray(b"".join(threads))
            made.filled, made.paths = bytearray(filled), list(map(os.fsdecode, paths))
        return made

    def __len__(self) -> int:
        return len(self.uids)

    def add(self, row: Row) -> None:
        """Add a message whose UID is above all others."""
        self.paths.append(row.path)
        self.bits.append(row.bits)
        self.mod_seqs.append(row.mod_seq)
        self.sizes.append(row.size)
        self.dates.append(row.date)
        self.saved.append(row.saved)
        self.emails += row.email
        self.threads += row.thread
        self.filled.append(row.filled)
        self.uids.append(row.uid)

    def row(self, at: int) -> Row:
        """Return the message at a position."""
        return Row(
            self.uids[at],
            self.paths[at],
            self.bits[at],
            self.mod_seqs[at],
            self.sizes[at],
            self.dates[at],
            self.saved[at],
            bytes(self.emails[16 * at : 16 * at + 16]),
            bytes(self.threads[16 * at : 16 * at + 16]),
            bool(self.filled[at]),
        )

    def fill(self, at: int, row: Row) -> None:
        """Take over what was read from the file of the message at a position."""
        self.sizes[at] = row.size
        self.dates[at] = row.date
        self.saved[at] = row.saved
        self.emails[16 * at : 16 * at + 16] = row.email
        self.threads[16 * at : 16 * at + 16] = row.thread
        self.filled[at] = True

    def position(self, uid: int) -> int | None:
        """Return where a UID is."""
        at = bisect_left(self.uids, uid)
        return at if at < len(self.uids) and self.uids[at] == uid else None

    def first_above(self, uid: int) -> int:
        """Return the position of the first UID above ``uid``; the length if there is none."""
        return bisect_right(self.uids, uid)

    def positions(self, uids: Iterable[int]) -> list[int]:
        """Return where those of ``uids`` are that exist, ascending."""
        here: Sequence[int] = self.uids
        found: list[int] = []
        count = len(here)
        for uid in sorted(set(uids)):
            at = bisect_left(here, uid, found[-1] if found else 0, count)
            if at < count and here[at] == uid:
                found.append(at)
        return found

    def span(self, uids: Sequence[int]) -> slice | None:
        """Return where ``uids`` are, if they stand there in this order with nothing between."""
        at = bisect_left(self.uids, uids[0]) if uids else 0
        there = self.uids[at : at + len(uids)]
        return slice(at, at + len(uids)) if there == array("I", uids) else None

    def without(self, positions: Iterable[int]) -> Rows:
        """Return new columns that lack the messages at ``positions``."""
        gone = sorted(set(positions), reverse=True)
        if len(gone) <= _FEW:
            return self._without_few(gone)
        keep = bytearray(b"\1" * len(self.uids))
        for at in gone:
            keep[at] = 0
        rows = Rows()
        rows.uids = array("I", compress(self.uids, keep))
        rows.bits = array("I", compress(self.bits, keep))
        rows.mod_seqs = array("Q", compress(self.mod_seqs, keep))
        rows.sizes = array("Q", compress(self.sizes, keep))
        rows.dates = array("q", compress(self.dates, keep))
        rows.saved = array("q", compress(self.saved, keep))
        rows.filled = bytearray(compress(self.filled, keep))
        rows.paths = list(compress(self.paths, keep))
        for at in compress(range(len(keep)), keep):
            rows.emails += self.emails[16 * at : 16 * at + 16]
            rows.threads += self.threads[16 * at : 16 * at + 16]
        return rows

    def _without_few(self, gone: Iterable[int]) -> Rows:
        """Do the same by copying each column whole; ``gone`` descends."""
        rows = Rows()
        rows.uids, rows.bits, rows.mod_seqs = self.uids[:], self.bits[:], self.mod_seqs[:]
        rows.sizes, rows.dates, rows.saved = self.sizes[:], self.dates[:], self.saved[:]
        rows.filled, rows.paths = self.filled[:], self.paths[:]
        rows.emails, rows.threads = self.emails[:], self.threads[:]
        columns = (rows.uids, rows.bits, rows.mod_seqs, rows.sizes, rows.dates, rows.saved)
        for at in gone:
            for column in (*columns, rows.filled, rows.paths):
                del column[at]
            for digests in (rows.emails, rows.threads):
                del digests[16 * at : 16 * at + 16]
        return rows

    def merged(self, rows: Iterable[Row]) -> Rows:
        """Return new columns with ``rows`` put in where their UIDs belong."""
        every = [self.row(at) for at in range(len(self.uids))]
        return Rows(sorted((*every, *rows), key=lambda row: row.uid))

    def facts(self, at: int, flags: Flags) -> MessageFacts:
        """Return a filled message at a position; ``flags`` are its bits as words."""
        return MessageFacts(
            Uid(self.uids[at]),
            flags,
            ModSeq(self.mod_seqs[at]),
            self.sizes[at],
            datetime.fromtimestamp(self.dates[at], UTC),
            datetime.fromtimestamp(self.saved[at], UTC),
            octets.email_id(bytes(self.emails[16 * at : 16 * at + 16])),
            octets.thread_id(bytes(self.threads[16 * at : 16 * at + 16])),
        )
