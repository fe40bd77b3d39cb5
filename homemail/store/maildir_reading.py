# SPDX-License-Identifier: MIT
"""One mailbox in a Maildir: what is known of it, and what may be read beside the owner's lane.

A reader takes ``rows`` once and works on a mailbox that was. The file of a message may have another
name by the time it is opened; it is looked for.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar, cast

from homemail import durable
from homemail.log import Log
from homemail.message.header import Octets
from homemail.model.mailbox import (
    Flags,
    MailboxId,
    MailboxName,
    MessageFacts,
    Uid,
    UidValidity,
)
from homemail.model.message import MessageContent
from homemail.store import index as indexing
from homemail.store import maildir_name as names
from homemail.store import message_file
from homemail.store import state as states
from homemail.store.api import CachedParts, Wanted
from homemail.store.changes import DirectoryWatch
from homemail.store.deleted import DeletedMail
from homemail.store.describe import Description
from homemail.store.imported import read_unique_ids
from homemail.store.index import BoxRecord, Index, IndexTrouble
from homemail.store.keywords import SEEN_BIT, Keywords
from homemail.store.maildir_name import base_of
from homemail.store.message_file import Reading
from homemail.store.owner_files import OwnerFiles
from homemail.store.rows import Row, Rows

if TYPE_CHECKING:
    from homemail.store.full_text import FullText

FILLED_AT_ONCE = 200
"""Files that are read before the index takes what was learnt."""

T = TypeVar("T")

log = Log("store")


@dataclass(slots=True)
class Surroundings:
    """What the mailboxes of one owner share."""

    index: Index
    watch: DirectoryWatch
    deleted: DeletedMail
    files: OwnerFiles
    full_text: FullText
    root: Path
    now: Callable[[], float]
    host: str
    count: int = 0
    usage: list[int] | None = None  # octets, messages; None until somebody asks
    counting: threading.Lock = field(default_factory=threading.Lock)

    def unique(self, saved: int = 0) -> str:
        """Return the part of a file name that no other file has: ``SECONDS.M…P…Q….HOST``.

        The seconds are ``saved``, if that is given.
        """
        seconds = self.now()
        self.count += 1
        micro = int(seconds % 1 * 1_000_000)
        return f"{saved or int(seconds)}.M{micro}P{os.getpid()}Q{self.count}.{self.host}"

    def used(self, octets: int, messages: int) -> None:
        """Count what came or went."""
        with self.counting:
            if self.usage is None:
                return
            self.usage[0] += octets
            self.usage[1] += messages


class ReadableBox:
    """The part of a mailbox that readers use."""

    state: states.State
    keywords: Keywords

    def __init__(self, around: Surroundings, name: MailboxName, directory: Path) -> None:
        self.around = around
        self.name = name
        self.directory = directory
        self.record: BoxRecord | None = None
        self.rows = Rows()
        self.announced = 1  # UIDs from here on may belong to messages that nobody has seen

    @property
    def mailbox_id(self) -> MailboxId:
        return self.state.mailbox_id

    @property
    def uid_validity(self) -> UidValidity:
        return self.state.uid_validity

    def uids(self) -> list[Uid]:
        """Return the UIDs of all messages."""
        return cast(list[Uid], self.rows.uids.tolist())

    def file_names(self) -> dict[Uid, str]:
        """Return what other programs know each message by: ours end before the first ``,``."""
        rows = self.rows
        bases = ((uid, base_of(path)) for uid, path in zip(rows.uids, rows.paths, strict=False))
        return {
            Uid(uid): base if names.parse(base) is None else names.key_of(base)
            for uid, base in bases
        }

    def former_ids(self) -> dict[Uid, str]:
        """Return the unique-ids that Dovecot or Courier's POP3 server wrote down."""
        known = read_unique_ids(self.directory)
        if not known:
            return {}
        rows = self.rows
        bases = ((uid, base_of(path)) for uid, path in zip(rows.uids, rows.paths, strict=False))
        return {Uid(uid): known[base] for uid, base in bases if base in known}

    def flags(self, bits: int) -> Flags:
        """Return the words for a row's bits."""
        return self.keywords.to_flags(bits)

    def _times(self) -> str:
        """Return the times of the directories."""
        new, cur = (os.stat(self.directory / sub).st_mtime_ns for sub in ("new", "cur"))
        return f"{new} {cur}"

    def _list(self) -> tuple[str, dict[str, str]]:
        """Return the times from before, and every name: ``base -> new/base or cur/base:2,FLAGS``.

        ``cur`` is read last, so that what another program moves there meanwhile is not missed.
        """
        times = self._times()
        found: dict[str, str] = {}
        for sub in ("new/", "cur/"):
            for name in os.listdir(self.directory / sub):
                if not name.startswith("."):
                    found[name.partition(":")[0]] = sub + name
        return times, found

    def filled(self, uids: Iterable[int]) -> list[int]:
        """Return those of ``uids`` that are here, with everything known of them."""
        rows = self.rows
        positions = rows.positions(uids)
        self.fill(positions, rows)
        return [rows.uids[at] for at in positions if rows.filled[at]]

    def fill(self, positions: Sequence[int], rows: Rows | None = None) -> None:
        """Read the files of messages of which only the name is known."""
        rows = self.rows if rows is None else rows
        if 0 not in rows.filled:
            return
        done: list[tuple[Row, Description]] = []
        for at in positions:
            if not rows.filled[at]:
                row = rows.row(at)
                reading = self._read(row)
                if reading is not None:
                    before = row.size
                    self._take_reading(row, reading)
                    rows.fill(at, row)
                    self.around.used(row.size - before, 0)
                    done.append((row, reading.described))
            if len(done) >= FILLED_AT_ONCE:
                self._save_filled(done)
                done = []
        self._save_filled(done)

    def _take_reading(self, row: Row, reading: Reading) -> None:
        base = base_of(row.path)
        ours = names.parse(base)
        foreign = self.state.foreign.get(names.key_of(base))
        row.size, row.date = reading.wire_size, reading.date
        row.saved = ours.saved if ours else foreign.saved if foreign else row.saved
        row.email, row.thread, row.filled = reading.digest, reading.thread, True

    def _save_filled(self, done: Sequence[tuple[Row, Description]]) -> None:
        record = self.record
        if not done or record is None:
            return
        with contextlib.suppress(IndexTrouble), self.around.index.change() as connection:
            if record.generation == self.around.index.generation:
                indexing.save_filled(connection, record.number, [row for row, _ in done])
                parts = [(row.uid, described) for row, described in done]
                indexing.save_parts(connection, record.number, parts)

    def _read(self, row: Row) -> Reading | None:
        """Read the file of a message; None where it is gone or cannot be read."""
        try:
            return self._with_path(row.uid, row.path, message_file.read)
        except OSError as error:
            log.warning("message cannot be read", file=self.directory / row.path, reason=error)
            return None

    def _with_path(self, uid: int, path: str, act: Callable[[Path], T]) -> T | None:
        """Call ``act`` with the file of a message, looking for its new name where it has one."""
        try:
            return act(self.directory / path)
        except FileNotFoundError:
            at = self.rows.position(uid)
            known = self.rows.paths[at] if at is not None else path
            now = known if known != path else self._list()[1].get(base_of(path))
        try:
            return act(self.directory / now) if now else None
        except FileNotFoundError:
            return None

    def facts(self, uids: Iterable[int]) -> list[MessageFacts]:
        """Return what is known of messages."""
        rows, flags = self.rows, self.keywords.to_flags
        positions = rows.positions(uids)
        self.fill(positions, rows)
        return [rows.facts(at, flags(rows.bits[at])) for at in positions if rows.filled[at]]

    def flags_of(self, uids: Sequence[Uid]) -> list[tuple[Uid, Flags]]:
        """Return the flags of messages; ``uids`` ascend. Opens nothing."""
        rows, flags = self.rows, self.keywords.to_flags
        span = rows.span(uids)
        if span is not None:
            return list(zip(uids, map(flags, rows.bits[span.start : span.stop]), strict=True))
        return [(Uid(rows.uids[at]), flags(rows.bits[at])) for at in rows.positions(uids)]

    def sizes(self, uids: Iterable[int]) -> list[tuple[Uid, int, bool]]:
        """Return UID, octets, and whether it is seen, of messages."""
        rows, wanted = self.rows, list(uids)
        if wanted == rows.uids.tolist()[: len(wanted)]:  # all there are, as a rule
            positions: Sequence[int] = range(len(wanted))
        else:
            positions = rows.positions(wanted)
        self.fill(positions, rows)
        here, sizes, bits, filled = rows.uids, rows.sizes, rows.bits, rows.filled
        return [
            (Uid(here[at]), sizes[at], bits[at] & SEEN_BIT != 0) for at in positions if filled[at]
        ]

    def cached(self, uids: Iterable[int], wanted: Wanted) -> list[CachedParts]:
        """Return wire forms and headers; of what the index lacks, the files are read."""
        rows, record = self.rows, self.record
        here = [rows.uids[at] for at in rows.positions(uids)]
        found = self.around.index.parts(record, here, wanted) if record else {}
        read: list[tuple[Row, Description]] = []
        answers = []
        for uid in here:
            parts = found.get(uid)
            if parts is None:
                row = rows.row(rows.positions([uid])[0])
                reading = self._read(row)
                if reading is None:
                    continue
                self._take_reading(row, reading)
                read.append((row, reading.described))
                parts = _parts(uid, reading.described, wanted)
            answers.append(parts)
        self._save_filled(read)
        return answers

    def content(self, uid: int) -> MessageContent | None:
        """Return a message's octets, or None where it is gone."""
        rows = self.rows
        at = rows.position(uid)
        if at is None:
            return None
        path = rows.paths[at]
        with durable.doing("reading a message"):
            fd = self._with_path(uid, path, message_file.open_file)
            if fd is None:
                return None
            ours = names.parse(base_of(path))
            known = ours is not None and ours.size == os.fstat(fd).st_size
            return message_file.content_of(fd, ours.wire_size if ours and known else None)

    def octets(self, uid: int) -> Octets:
        """Return a message's octets as they are on disk; nothing where it is gone."""
        at = self.rows.position(uid)
        if at is None:
            return b""
        with durable.doing("reading a message"):
            return self._with_path(uid, self.rows.paths[at], message_file.octets_of) or b""

    def changed_since(self, mod_seq: int) -> tuple[list[MessageFacts], list[Uid]]:
        """Return what changed and what vanished after ``mod_seq``."""
        rows, record = self.rows, self.record
        changed = [uid for uid, at in zip(rows.uids, rows.mod_seqs, strict=False) if at > mod_seq]
        here = set(rows.uids)
        if record is not None and mod_seq >= record.forgotten:
            vanished: Iterable[Uid] = self.around.index.vanished(record, mod_seq)
        else:
            vanished = map(Uid, range(1, self.announced))
        return self.facts(changed), [uid for uid in vanished if uid not in here]


def _parts(uid: int, described: Description, wanted: Wanted) -> CachedParts:
    return CachedParts(
        Uid(uid),
        described.envelope if wanted.envelope else b"",
        described.body_structure if wanted.body_structure else b"",
        described.header if wanted.header else b"",
    )
