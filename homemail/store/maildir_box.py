# SPDX-License-Identifier: MIT
"""One mailbox in a Maildir: adding, copying, moving, flags, removing.

- A message is there when its name is in ``new`` or ``cur``; one rename commits it with its UID.
- Names, rows and index are changed in this order, and the sessions are told last.

Only the owner's lane calls what is here.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from homemail import durable
from homemail.errors import MailError, Temporary
from homemail.log import Log
from homemail.model.mailbox import (
    DELETED,
    SYSTEM_FLAGS,
    Change,
    Expunged,
    Flag,
    FlagChange,
    Flags,
    FlagsChanged,
    ModSeq,
    Uid,
)
from homemail.store import index as indexing
from homemail.store import maildir_name as names
from homemail.store import maildir_size, message_file
from homemail.store.api import NewMessage
from homemail.store.deleted import Deleted
from homemail.store.describe import Description
from homemail.store.index import BoxRecord
from homemail.store.keywords import bits_of, changed_bits, letters_of
from homemail.store.maildir_listing import ListedBox
from homemail.store.maildir_name import base_of, letters_in
from homemail.store.rows import Row

log = Log("store")


@dataclass(slots=True)
class Draft:
    """A message on its way into a mailbox.

    ``place`` gives it its name there, and is False where the message has gone meanwhile; ``undo``
    takes that back (None: it had no place yet). ``size`` is that on disk. ``written`` is a file
    that must be synced before.
    """

    size: int
    wire_size: int
    flags: Flags
    date: int
    email: bytes
    thread: bytes
    place: Callable[[Path], bool]
    undo: Callable[[Path | None], None]
    described: Description | None = None
    source: int = 0  # its UID where it is copied from
    saved: int = 0  # its save date where that is not now
    written: Path | None = None


class Box(ListedBox):
    """A mailbox that can be changed."""

    # Adding

    def draft(self, message: NewMessage) -> Draft:
        """Write a message to ``tmp``; nothing of it is durable."""
        self.check_open()
        path = self.directory / "tmp" / self.around.unique()
        moment = message.internal_date
        date = int(moment.timestamp()) if moment else int(self.around.now())
        with durable.doing("writing a message"):
            reading = message_file.write(path, message.content, _storable(date))

        def place(target: Path) -> bool:
            durable.rename(path, target)
            return True

        def undo(target: Path | None) -> None:
            (target or path).unlink(missing_ok=True)

        return Draft(
            reading.disk_size,
            reading.wire_size,
            permanent(message.flags),
            reading.date,
            reading.digest,
            reading.thread,
            place,
            undo,
            reading.described,
            written=path,
        )

    def add(self, drafts: Sequence[Draft], source: Box | None = None) -> list[tuple[int, Uid]]:
        """Give messages their places: all, or none where it fails; durable.

        Returns pairs of ``Draft.source`` and the UID here; drafts that have gone have none.
        """
        placed: list[tuple[Draft, Row]] = []
        try:
            self.check_open()
            with durable.doing("adding to a mailbox"):
                self.learn(flag for draft in drafts for flag in draft.flags)
                self._reserve(uids=len(drafts), mod_seqs=1)
                for draft in drafts:
                    self._place(draft, placed)
                self._sync(row.path for _, row in placed)
        except BaseException:
            self._take_back(drafts, placed)
            if source is not None:  # what could not be taken back is somewhere
                with contextlib.suppress(MailError):
                    source.scan()
                    self.scan()
            raise
        self._added(placed, source)
        return [(draft.source, Uid(row.uid)) for draft, row in placed]

    def _place(self, draft: Draft, placed: list[tuple[Draft, Row]]) -> None:
        uid, self.uid_next = self.uid_next, self.uid_next + 1
        unique = self.around.unique(draft.saved)
        base = names.compose(unique, draft.size, draft.wire_size, self.mailbox_id, uid)
        bits = self.keywords.to_bits(draft.flags)
        path = f"cur/{base}:2,{letters_of(bits)}" if bits else f"new/{base}"
        saved = int(unique.partition(".")[0])
        row = Row(
            uid, path, bits, 0, draft.wire_size, draft.date, saved,
            draft.email, draft.thread, filled=True,
        )  # fmt: skip
        self.around.watch.expect(self.directory / path)
        if draft.place(self.directory / path):
            placed.append((draft, row))

    def _take_back(self, drafts: Sequence[Draft], placed: Sequence[tuple[Draft, Row]]) -> None:
        """Undo what was placed, and remove what was only written."""
        paths = {id(draft): self.directory / row.path for draft, row in placed}
        for draft in drafts:
            with contextlib.suppress(OSError):
                draft.undo(paths.get(id(draft)))

    def _sync(self, paths: Iterable[str]) -> None:
        for sub in sorted({path[:3] for path in paths}):
            durable.sync_directory(self.directory / sub)

    def _added(self, placed: Sequence[tuple[Draft, Row]], source: Box | None) -> None:
        """Take over what is on disk now, and tell of it."""
        present = self.rows.position
        rows = [row for _, row in placed if present(row.uid) is None]  # a scan may have been faster
        if not rows:
            return
        self.mod_seq += 1
        for row in rows:
            row.mod_seq = self.mod_seq
        self._insert(rows)
        described = [(row.uid, draft.described) for draft, row in placed if draft.described]
        pairs = [(draft.source, row.uid) for draft, row in placed]
        of = source.record if source else None

        def write(connection: sqlite3.Connection, record: BoxRecord) -> None:
            indexing.save_rows(connection, record.number, rows)
            indexing.save_parts(connection, record.number, described)
            if of and of.generation == record.generation:
                indexing.copy_parts(connection, pairs, of.number, record.number)

        self._write_index(write)
        self.around.used(sum(row.size for row in rows), len(rows))
        self._note_size(rows, 1)
        self.tell([self._news(row) for row in rows])

    # Copying and moving

    def copies(self, uids: Iterable[int], to: Box) -> list[Draft]:
        """Return drafts that put these messages into ``to`` too: a second name for each file."""

        def place(uid: int, foreign: bool, target: Path) -> bool:
            return self._on_file(uid, lambda path: to.take_copy(path, target, foreign))

        def undo(_uid: int, target: Path | None) -> None:
            if target:
                target.unlink(missing_ok=True)

        return self._drafts(uids, place, undo)

    def moves(self, uids: Iterable[int]) -> list[Draft]:
        """Return drafts that move these messages: one rename for each file."""
        left: dict[int, Path] = {}

        def place(uid: int, _foreign: bool, target: Path) -> bool:
            def move(path: Path) -> None:
                self.around.watch.expect(path, gone=True)
                durable.rename(path, target)
                left[uid] = path

            return self._on_file(uid, move)

        def undo(uid: int, target: Path | None) -> None:
            if target:
                durable.rename(target, left[uid])

        with durable.doing("moving out of a mailbox"):
            self._reserve(mod_seqs=1)
        return self._drafts(uids, place, undo)

    def restored(self, record: Deleted) -> Draft:
        r"""Return a draft that brings a deleted message back, without ``\Deleted``.

        It is in both places until ``DeletedMail`` gives it up.
        """
        path = self.around.deleted.directory / record.file

        def place(target: Path) -> bool:
            self.take_copy(path, target, foreign=False)
            return True

        def undo(target: Path | None) -> None:
            if target:
                target.unlink(missing_ok=True)

        with durable.doing("reading a deleted message"):
            reading = message_file.read(path)
        flags = permanent(frozenset(map(Flag, record.flags))) - {DELETED}
        return Draft(
            reading.disk_size, reading.wire_size, flags, reading.date, reading.digest,
            reading.thread, place, undo, reading.described, saved=record.save_date,
        )  # fmt: skip

    def _drafts(
        self,
        uids: Iterable[int],
        place: Callable[[int, bool, Path], bool],
        undo: Callable[[int, Path | None], None],
    ) -> list[Draft]:
        drafts = []
        with durable.doing("reading a mailbox"):
            for uid in self.filled(uids):
                at = self.rows.position(uid)
                if at is None:
                    continue
                row = self.rows.row(at)
                ours = names.parse(base_of(row.path))
                size = ours.size if ours else os.lstat(self.directory / row.path).st_size
                drafts.append(
                    Draft(
                        size, row.size, self.flags(row.bits), row.date, row.email, row.thread,
                        partial(place, uid, ours is None), partial(undo, uid), source=uid,
                    )
                )  # fmt: skip
        return drafts

    def take_copy(self, source: Path, target: Path, foreign: bool) -> None:
        """Give the file ``source`` a name here; copy it where it cannot have one."""
        if foreign:
            message_file.sync(source)
        try:
            durable.link(source, target)
        except FileNotFoundError:
            raise
        except OSError:  # another file system, or one without links
            temporary = self.directory / "tmp" / self.around.unique()
            message_file.duplicate(source, temporary)
            durable.rename(temporary, target)

    def moved_away(self, uids: Sequence[int]) -> None:
        """Take over that these messages were moved elsewhere; durable when it returns."""
        try:
            with durable.doing("moving out of a mailbox"):
                self._sync(("new", "cur"))
        finally:
            self._drop(uids)

    def _on_file(self, uid: int, act: Callable[[Path], None]) -> bool:
        """Call ``act`` with the file of a message, under whatever name it has by now.

        False where the message has gone.
        """
        for _ in range(3):
            at = self.rows.position(uid)
            if at is None:
                return False
            try:
                act(self.directory / self.rows.paths[at])
                return True
            except FileNotFoundError:
                self.scan()
        raise Temporary("Another program is changing the mailbox")

    # Flags

    def change_flags(
        self, uids: Iterable[int], change: FlagChange, flags: Flags, unchanged_since: int | None
    ) -> tuple[list[Uid], tuple[Uid, ...]]:
        """Change flags, durably; return the UIDs that were asked for, and those kept back."""
        self.check_open()
        with self._agreeing("changing flags"):
            if change is not FlagChange.REMOVE:
                self.learn(flags)
            self._reserve(mod_seqs=1)
            bits = self.keywords.to_bits(flags)
            asked, kept = self._split(uids, unchanged_since)
            renamed = [self._set_bits(uid, change, bits) for uid in asked]
            done = [new for new in renamed if new is not None]
            if done:
                self._sync(("cur", *(old for old, _, _, _ in done)))
        self._flags_changed([(uid, path, new) for _, uid, path, new in done])
        return asked, kept

    def _split(
        self, uids: Iterable[int], unchanged_since: int | None
    ) -> tuple[list[Uid], tuple[Uid, ...]]:
        rows = self.rows
        asked: list[Uid] = []
        kept: list[Uid] = []
        for at in rows.positions(uids):
            late = unchanged_since is not None and rows.mod_seqs[at] > unchanged_since
            (kept if late else asked).append(Uid(rows.uids[at]))
        return asked, tuple(kept)

    def _set_bits(
        self, uid: int, change: FlagChange, bits: int
    ) -> tuple[str, int, str, int] | None:
        """Rename one file; return old path, UID, new path and bits, or None where all is right."""
        result: list[tuple[str, int, str, int]] = []

        def rename(path: Path) -> None:
            at = self.rows.position(uid)
            assert at is not None  # for the type checker: _on_file found it
            old = self.rows.bits[at]
            new = changed_bits(old, change, bits)
            if new != old:
                target = f"cur/{base_of(self.rows.paths[at])}:2,{letters_of(new)}"
                self._rename(path, self.directory / target)
                result.append((self.rows.paths[at], uid, target, new))

        return result[0] if self._on_file(uid, rename) and result else None

    def _rename(self, source: Path, target: Path) -> None:
        self.around.watch.expect(source, gone=True)
        self.around.watch.expect(target)
        durable.rename(source, target)

    def _flags_changed(self, done: Sequence[tuple[int, str, int]]) -> None:
        """Take over new names and bits, and tell of them."""
        if not done:
            return
        rows = self.rows
        self.mod_seq += 1
        changes: list[Change] = []
        saved = []
        for uid, path, bits in done:
            at = rows.position(uid)
            if at is not None:
                rows.paths[at], rows.bits[at], rows.mod_seqs[at] = path, bits, self.mod_seq
                changes.append(FlagsChanged(Uid(uid), self.flags(bits), ModSeq(self.mod_seq)))
                saved.append((uid, path, bits, self.mod_seq))
        self._write_index(
            lambda connection, record: indexing.save_flags(connection, record.number, saved)
        )
        self.tell(changes)

    def empty_new(self) -> None:
        """Move what is in ``new`` to ``cur``: a session has seen it.

        Synced, so that no power cut leaves it in both: expunged from one, it would come back.
        """
        fresh = [(uid, p) for uid, p in self._uids_and_paths() if p.startswith("new/")]
        moved: list[tuple[int, str]] = []
        with self._agreeing("moving new messages"):
            for uid, path in fresh:
                target = f"cur/{base_of(path)}:2,{letters_of(bits_of(letters_in(path)))}"
                if self._on_file(uid, partial(self._move_to_cur, target)):
                    moved.append((uid, target))
            if moved:
                self._sync(("cur", "new"))
        rows, saved = self.rows, []
        for uid, target in moved:
            at = rows.position(uid)
            if at is not None and rows.paths[at].startswith("new/"):
                rows.paths[at] = target
                saved.append((uid, target, rows.bits[at], rows.mod_seqs[at]))
        if saved:
            self._write_index(
                lambda connection, record: indexing.save_flags(connection, record.number, saved)
            )

    def _move_to_cur(self, target: str, path: Path) -> None:
        if path.parent.name == "new":
            self._rename(path, self.directory / target)

    # Removing

    def remove(self, uids: Iterable[int], session: str) -> tuple[Uid, ...]:
        """Move messages to the deleted ones, durably; return which."""
        self.check_open()
        rows, deleted, now = self.rows, self.around.deleted, self.around.now()
        wanted = {
            rows.uids[at]: deleted.name_for(rows.paths[at], now) for at in rows.positions(uids)
        }
        if not wanted:
            return ()
        with self._agreeing("removing messages"):
            self._reserve(mod_seqs=1)
            if deleted.keep:
                records = [self._record(uid, file, session, now) for uid, file in wanted.items()]
                deleted.record(records)
            for uid, file in wanted.items():
                self._on_file(uid, partial(self._take_away, file))
            if deleted.keep:
                deleted.sync(list(wanted.values()))
            self._sync(("new", "cur"))
        self._drop(list(wanted))
        return tuple(Uid(uid) for uid in wanted)

    def _take_away(self, file: str, path: Path) -> None:
        self.around.watch.expect(path, gone=True)
        if self.around.deleted.keep:
            self.around.deleted.take(path, file)
        else:
            durable.unlink(path)

    def _record(self, uid: int, file: str, session: str, now: float) -> Deleted:
        row = self.rows.row(self.rows.positions([uid])[0])
        date = row.date if row.filled else int(self._file_time(row.path)[0])
        return Deleted(
            file,
            self.mailbox_id,
            str(self.name),
            uid,
            tuple(sorted(self.flags(row.bits))),
            date,
            row.saved,
            int(now),
            session,
        )

    def _drop(self, uids: Sequence[int]) -> None:
        """Take over that messages are gone, and tell of it."""
        gone = [self.rows.row(at) for at in self.rows.positions(uids)]
        if not gone:
            return
        self.mod_seq += 1
        mod_seq = self.mod_seq
        self._gone_foreign += sum(names.parse(base_of(row.path)) is None for row in gone)
        self.rows = self.rows.without(self.rows.positions(uids))

        def write(connection: sqlite3.Connection, record: BoxRecord) -> None:
            indexing.remove_rows(connection, record, [row.uid for row in gone], mod_seq)
            indexing.trim_vanished(connection, record)

        self._write_index(write)
        self.around.used(-sum(row.size for row in gone), -len(gone))
        self._note_size(gone, -1)
        self.tell([Expunged(Uid(row.uid), ModSeq(mod_seq)) for row in gone])

    def _note_size(self, rows: Sequence[Row], sign: int) -> None:
        """Tell programs that count a Maildir++ quota what came or went."""
        if maildir_size.is_kept(self.around.root):
            octets = sum(map(_disk_size, rows))
            maildir_size.note(self.around.root, sign * octets, sign * len(rows))


def permanent(flags: Flags) -> Flags:
    r"""Return those flags that are kept: not ``\Recent``, nor system flags that nobody knows."""
    return frozenset(flag for flag in flags if not flag.is_system or flag in SYSTEM_FLAGS)


def _disk_size(row: Row) -> int:
    ours = names.parse(base_of(row.path))
    return ours.size if ours else row.size


def _storable(date: int) -> int:
    """Return a time of a file that file systems can keep."""
    return min(max(date, -(2**31)), 2**33)
