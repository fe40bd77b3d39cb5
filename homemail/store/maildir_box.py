# SPDX-License-Identifier: MIT
"""One mailbox in a Maildir: its names on disk, its state, its rows in memory and in the index.

Longer than most files: it is the one place that keeps these invariants together.

- A message is there when its name is in ``new`` or ``cur``; one rename commits it with its UID.
- Every UID and mod-sequence used is at or below the limit that the state file has on disk.
- Names, rows and index are changed in this order, and the sessions are told last.
- What another program did to names is found by listing, and told like our own changes.
- A name that another program gave is kept up to the ``:``.

Only the owner's lane calls what changes something; ``facts``, ``cached``, ``content`` and
``search`` may run beside it.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import sqlite3
import stat
import threading
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial, reduce
from operator import or_
from pathlib import Path
from typing import TypeVar, cast

from homemail import durable
from homemail.errors import MailError, NoSuchMailbox, Temporary
from homemail.log import Log
from homemail.message.header import Octets
from homemail.model.mailbox import (
    SYSTEM_FLAGS,
    Added,
    Change,
    Expunged,
    Flag,
    FlagChange,
    Flags,
    FlagsChanged,
    MailboxId,
    MailboxName,
    MessageFacts,
    ModSeq,
    Uid,
    UidValidity,
)
from homemail.model.message import MessageContent
from homemail.store import imported, message_file
from homemail.store import index as indexing
from homemail.store import maildir_name as names
from homemail.store import state as states
from homemail.store.api import CachedParts, NewMessage, Wanted
from homemail.store.changes import DirectoryWatch, Listener, Listeners
from homemail.store.deleted import Deleted, DeletedMail
from homemail.store.describe import Description
from homemail.store.index import BoxRecord, Index, IndexTrouble
from homemail.store.keywords import Keywords, bits_of, changed_bits, letters_of
from homemail.store.maildir_name import OurName, base_of, letters_in
from homemail.store.message_file import Reading
from homemail.store.owner_files import OwnerFiles
from homemail.store.rows import Row, Rows

STALE_SECONDS = 36 * 3600
FILLED_AT_ONCE = 200
"""Files of other programs that are read when they are found; more are read when they are asked."""

_SETTLED_NS = 2_000_000_000  # times of directories younger than this may hide a later change
_MANY = 100

T = TypeVar("T")

log = Log("store")


@dataclass(slots=True)
class Surroundings:
    """What the mailboxes of one owner share."""

    index: Index
    watch: DirectoryWatch
    deleted: DeletedMail
    files: OwnerFiles
    now: Callable[[], float]
    host: str
    count: int = 0
    usage: list[int] | None = None  # octets, messages; None until somebody asks
    counting: threading.Lock = field(default_factory=threading.Lock)

    def unique(self) -> str:
        """Return the part of a file name that no other file has: ``SECONDS.M…P…Q….HOST``."""
        seconds = self.now()
        self.count += 1
        micro = int(seconds % 1 * 1_000_000)
        return f"{int(seconds)}.M{micro}P{os.getpid()}Q{self.count}.{self.host}"

    def used(self, octets: int, messages: int) -> None:
        """Count what came or went."""
        with self.counting:
            if self.usage is None:
                return
            self.usage[0] += octets
            self.usage[1] += messages


@dataclass(slots=True)
class Draft:
    """A message on its way into a mailbox.

    ``place`` gives it its name there, and is False where the message has gone meanwhile; ``undo``
    takes that back (None: it had no place yet). ``size`` is that on disk.
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


@dataclass(slots=True)
class _Found:
    """What a listing found that the rows do not say."""

    times: str
    renamed: list[tuple[int, str]] = field(default_factory=list)
    gone: list[int] = field(default_factory=list)
    added: list[str] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.renamed or self.gone or self.added)


class Box:
    """A loaded mailbox."""

    def __init__(self, around: Surroundings, name: MailboxName, directory: Path) -> None:
        """Load the mailbox.

        Raises:
            Temporary: it cannot be read now.
        """
        self.around = around
        self.name = name
        self.directory = directory
        self.listeners = Listeners()
        self.gone = False
        self.record: BoxRecord | None = None
        self.rows = Rows()
        self._gone_foreign = 0
        with durable.doing("opening a mailbox"):
            self._clear_tmp()
            self._watched = self._watch()
            self._load()

    # What is known

    @property
    def mailbox_id(self) -> MailboxId:
        return self.state.mailbox_id

    @property
    def uid_validity(self) -> UidValidity:
        return self.state.uid_validity

    def uids(self) -> list[Uid]:
        """Return the UIDs of all messages."""
        return cast(list[Uid], self.rows.uids.tolist())

    def flags(self, bits: int) -> Flags:
        """Return the words for a row's bits."""
        return self.keywords.to_flags(bits)

    # Loading

    def _watch(self) -> bool:
        watch = self.around.watch
        return watch.add(self.directory / "new") and watch.add(self.directory / "cur")

    def _load(self) -> None:
        state = states.read_state(self.directory)
        if state is not None and self._is_copy(state):
            state = self._own_state(state)
        times = self._times()
        trusted = self._record_for(state, times) if state else None
        listing = None if trusted else self._list()
        if listing is not None:
            state = self._fitting(state, listing[1])
        assert state is not None  # for the type checker: trusted only with a state
        self._begin(state, trusted)
        known = self.record is not None
        if listing is None and not known:  # the index could not be read after all
            listing = self._list()
        if listing is not None:
            self.scan(listing)
        if not known:
            fresh = [uid for uid, path in self._uids_and_paths() if path.startswith("new/")]
            self.listeners.first_recent = min(fresh, default=self.uid_next)
            self._write_index(None)
        self.announced = self.uid_next

    def _is_copy(self, state: states.State) -> bool:
        """Whether the directory is a copy of another mailbox's, which is still there."""
        other = self.around.index.directory_of(state.mailbox_id)
        if other in (None, str(self.directory)):
            return False
        try:
            there = states.read_state(Path(str(other)))
        except Temporary:
            return False
        return there is not None and there.mailbox_id == state.mailbox_id

    def _own_state(self, copied: states.State) -> states.State:
        """Give a copy an identity of its own; keywords and special use stay."""
        log.warning("mailbox is a copy and becomes one of its own", directory=self.directory)
        validity = self.around.files.next_uid_validity(self.around.now())
        state = states.State(new_mailbox_id(), validity, 0, 1, dict(copied.keywords))
        state.special_use = copied.special_use
        states.write_state(self.directory, state)
        return state

    def _uids_and_paths(self) -> Iterator[tuple[int, str]]:
        return zip(self.rows.uids, self.rows.paths, strict=True)

    def _record_for(self, state: states.State, times: str) -> BoxRecord | None:
        record = self.around.index.mailbox(state.mailbox_id, state.uid_validity)
        return record if record and record.times == times else None

    def _begin(self, state: states.State, trusted: BoxRecord | None) -> None:
        """Take over what state and index say."""
        index = self.around.index
        self.state = state
        self.keywords = Keywords(state.keywords)
        self.uid_next = state.uid_limit + 1
        self.mod_seq = max(state.mod_seq_limit, 1)
        self.announced = 1
        self.record = trusted or index.mailbox(state.mailbox_id, state.uid_validity)
        try:
            self.rows = index.rows(self.record.number) if self.record else Rows()
        except IndexTrouble:
            self.record = None
        if self.record:
            self.announced = self.record.uid_next
            self.listeners.first_recent = self.record.first_recent
        else:
            self.listeners.first_recent = self.uid_next

    def _fitting(self, state: states.State | None, listing: Collection[str]) -> states.State:
        """Return the state that goes with the names in ``listing``.

        Where it is missing, or behind them (a restored backup), the id is that of most names and
        UIDs are kept; UIDVALIDITY is new, as clients may know other messages under these UIDs.
        """
        mailbox_id = state.mailbox_id if state else _most_frequent_id(listing)
        highest = names.highest_uid(listing, mailbox_id)
        if state is not None and highest <= state.uid_limit:
            return state
        files, other = self.around.files, None
        if state is None:
            state = states.State(mailbox_id, UidValidity(0), mod_seq_limit=1)
            state.keywords = imported.read_keywords(self.directory)
            other = None if highest else imported.read_uids(self.directory)
        if highest:
            log.warning("state of a mailbox is older than its files", directory=self.directory)
        if other is not None and files.take_over(other.uid_validity, self.name):
            self._take_over(state, other, listing)
        else:
            state.uid_validity = files.next_uid_validity(self.around.now())
            state.uid_limit = highest
        states.write_state(self.directory, state)
        return state

    def _take_over(
        self, state: states.State, other: imported.Imported, listing: Collection[str]
    ) -> None:
        """Go on with the numbers of another server."""
        state.uid_validity, state.uid_limit = other.uid_validity, other.uid_next - 1
        saved = int(self.around.now())
        for base in listing:
            uid = other.uids.get(base)
            if uid is not None:
                state.foreign[names.key_of(base)] = states.ForeignFile(uid, saved)

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

    def _clear_tmp(self) -> None:
        """Remove what a crash left in ``tmp`` long ago."""
        oldest = self.around.now() - STALE_SECONDS
        with os.scandir(self.directory / "tmp") as entries:
            stale = [e for e in entries if e.stat(follow_symlinks=False).st_mtime < oldest]
        for entry in stale:
            with contextlib.suppress(OSError):
                if entry.is_dir(follow_symlinks=False):
                    shutil.rmtree(entry.path)
                else:
                    os.unlink(entry.path)

    # What other programs did

    def look(self, changed: set[str]) -> None:
        """Look for changes by others; ``changed`` are the directories the watch told of."""
        if self.gone:
            return
        if not self.directory.is_dir() and not self.name.is_inbox:
            self.mark_gone()
            return
        if self._watched:
            if changed.isdisjoint((str(self.directory / "new"), str(self.directory / "cur"))):
                return
        elif self.record and self.record.times == self._times():
            return
        self.scan(self._list())

    def scan(self, listing: tuple[str, dict[str, str]] | None = None) -> None:
        """Take over what a listing shows, and tell the sessions."""
        with durable.doing("looking through a mailbox"):
            found = self._compare(*(listing or self._list()))
            if found.gone:  # a name that was being changed can escape one listing
                found = self._compare(*self._list())
            if found:
                self._adopt(found)
            elif (
                self.record
                and self.record.times != found.times
                and _is_settled(found.times, self.around.now())
            ):
                self.record.times = found.times
                self._write_index(lambda connection, record: None)

    def _compare(self, times: str, listing: dict[str, str]) -> _Found:
        found = _Found(times)
        paths = self.rows.paths
        if len(paths) == len(listing) and set(paths) == set(listing.values()):
            return found
        known = set()
        for at, path in enumerate(paths):
            base = base_of(path)
            known.add(base)
            now = listing.get(base)
            if now is None:
                found.gone.append(at)
            elif now != path:
                found.renamed.append((at, now))
        found.added = self._files([path for base, path in listing.items() if base not in known])
        return found

    def _files(self, paths: Sequence[str]) -> list[str]:
        """Return those of ``paths`` that are plain files: no links, no directories."""
        if len(paths) < _MANY:
            return [path for path in paths if self._is_file(path)]
        files: set[str] = set()
        for sub in ("new", "cur"):
            with os.scandir(self.directory / sub) as entries:
                files |= {f"{sub}/{e.name}" for e in entries if e.is_file(follow_symlinks=False)}
        return [path for path in paths if path in files]

    def _is_file(self, path: str) -> bool:
        try:
            return stat.S_ISREG(os.lstat(self.directory / path).st_mode)
        except FileNotFoundError:
            return False

    def _adopt(self, found: _Found) -> None:
        """Make rows, index and sessions agree with the names on disk."""
        added = self._new_rows(found.added)
        self._reserve(mod_seqs=1)
        changes: list[Change] = []
        mod_seq = self.mod_seq + 1
        moved = self._take_renames(found.renamed, mod_seq, changes)
        for row in added:
            row.mod_seq = mod_seq
        if self.listeners.sessions:  # at loading there is nobody to tell
            changes += [self._news(row) for row in added]
        gone = [self.rows.row(at) for at in found.gone]
        changes += [Expunged(Uid(row.uid), ModSeq(mod_seq)) for row in gone]
        if changes or added:
            self.mod_seq = mod_seq
        if gone:
            self.rows = self.rows.without(found.gone)
            self._gone_foreign += sum(names.parse(base_of(row.path)) is None for row in gone)
        self._insert(added)

        def write(connection: sqlite3.Connection, record: BoxRecord) -> None:
            indexing.save_rows(connection, record.number, added)
            indexing.save_flags(connection, record.number, moved)
            indexing.remove_rows(connection, record, [row.uid for row in gone], mod_seq)

        self._write_index(write if self.record else None)
        self.around.used(-sum(row.size for row in gone), len(added) - len(gone))
        if len(added) <= FILLED_AT_ONCE:
            self.fill(self.rows.positions(row.uid for row in added))
        self._forget_foreign()
        self.tell(changes)

    def _take_renames(
        self, renamed: Iterable[tuple[int, str]], mod_seq: int, changes: list[Change]
    ) -> list[tuple[int, str, int, int]]:
        """Take over other names of known messages; those with other flags are changes."""
        rows, moved = self.rows, []
        for at, path in renamed:
            bits = bits_of(letters_in(path))
            rows.paths[at] = path
            if bits != rows.bits[at]:
                rows.bits[at] = bits
                rows.mod_seqs[at] = mod_seq
                changes.append(FlagsChanged(Uid(rows.uids[at]), self.flags(bits), ModSeq(mod_seq)))
            moved.append((rows.uids[at], path, rows.bits[at], rows.mod_seqs[at]))
        return moved

    def _new_rows(self, paths: Sequence[str]) -> list[Row]:
        """Return rows for names that are not known, with their UIDs, which are durable."""
        rows: dict[int, Row] = {}
        foreign: list[str] = []
        for path, ours in sorted(((p, names.parse(base_of(p))) for p in paths), key=_by_age):
            known = self.state.foreign.get(names.key_of(base_of(path)))
            if known and self._is_free(known.uid):  # a copy of one of ours is among these too
                uid, saved = known.uid, known.saved
            elif ours and self._is_free(ours.uid) and ours.mailbox_id == self.mailbox_id:
                uid, saved = ours.uid, ours.saved
            else:
                uid, saved = 0, 0
            if uid and uid not in rows:
                rows[uid] = Row(uid, path, bits_of(letters_in(path)), 0, saved=saved)
            else:
                foreign.append(path)
        return [*rows.values(), *self._give_uids(foreign)]

    def _is_free(self, uid: int) -> bool:
        """Whether a UID that a name or the state claims can be that of a message not yet known.

        Below what was announced it cannot: that message is known to be gone, and the name came
        back by a copy or a restored backup.
        """
        return self.announced <= uid < self.uid_next and self.rows.position(uid) is None

    def _give_uids(self, paths: Sequence[str]) -> list[Row]:
        """Give UIDs to files of other programs; the state file remembers them, synced."""
        if not paths:
            return []
        self._reserve(uids=len(paths))
        saved = int(self.around.now())
        rows, given = [], {}
        for path in sorted(paths, key=self._file_time):
            uid, self.uid_next = self.uid_next, self.uid_next + 1
            given[names.key_of(base_of(path))] = states.ForeignFile(uid, saved)
            rows.append(Row(uid, path, bits_of(letters_in(path)), 0, saved=saved))
        self._add_lines([states.foreign_line(key, file) for key, file in given.items()])
        self.state.foreign |= given
        return rows

    def _file_time(self, path: str) -> tuple[float, str]:
        try:
            return os.lstat(self.directory / path).st_mtime, path
        except FileNotFoundError:
            return 0.0, path

    def _insert(self, rows: Sequence[Row]) -> None:
        """Put rows in; those above all others are added, for others the columns are made anew."""
        rows = sorted(rows, key=lambda row: row.uid)
        if rows and len(self.rows) and rows[0].uid < self.rows.uids[-1]:
            self.rows = self.rows.merged(rows)
        else:
            for row in rows:
                self.rows.add(row)
        if rows:
            self.announced = self.uid_next

    def _forget_foreign(self) -> None:
        """Write the state anew when many of the files it names are gone."""
        foreign = self.state.foreign
        if self._gone_foreign > _MANY and 2 * self._gone_foreign > len(foreign):
            here = {names.key_of(base_of(path)) for path in self.rows.paths}
            self.state.foreign = {key: foreign[key] for key in foreign.keys() & here}
            states.write_state(self.directory, self.state)
            self._gone_foreign = 0

    @contextlib.contextmanager
    def _agreeing(self, what: str) -> Iterator[None]:
        """While names are changed: where that fails half-way, see what is on disk now."""
        try:
            with durable.doing(what):
                yield
        except MailError:
            with contextlib.suppress(MailError):
                self.scan()
            raise

    # Numbers, keywords, sessions, index

    def _reserve(self, uids: int = 0, mod_seqs: int = 0) -> None:
        """Make sure that so many UIDs and mod-sequences may be given out."""
        state, lines = self.state, []
        uid_limit, mod_seq_limit = state.uid_limit, state.mod_seq_limit
        if uids and self.uid_next + uids - 1 > uid_limit:
            uid_limit = min(self.uid_next + uids - 1 + states.UID_BLOCK, names.LARGEST_UID)
            if self.uid_next + uids - 1 > uid_limit:
                raise Temporary("The mailbox has used up its UIDs")
            lines.append(f"uid-limit {uid_limit}")
        if self.mod_seq + mod_seqs > mod_seq_limit:
            mod_seq_limit = self.mod_seq + mod_seqs + states.MOD_SEQ_BLOCK
            lines.append(f"mod-seq-limit {mod_seq_limit}")
        if lines:
            self._add_lines(lines)
            state.uid_limit, state.mod_seq_limit = uid_limit, mod_seq_limit

    def _add_lines(self, lines: Sequence[str]) -> None:
        """Add lines to the state file, after ending a part of one that a failure left there."""
        ended = [""] if self.state.damaged else []
        self.state.damaged = True
        states.add_lines(self.directory, [*ended, *lines])
        self.state.damaged = False

    def settle(self) -> None:
        """Give back what is reserved and not used, before the mailbox is put away."""
        state, used = self.state, (self.uid_next - 1, self.mod_seq)
        if not self.gone and (state.uid_limit, state.mod_seq_limit) != used:
            self._add_lines(states.limit_lines(*used))
            state.uid_limit, state.mod_seq_limit = used

    def put_away(self) -> None:
        """Stop watching, and settle; where that fails, numbers go on at their limits."""
        self.stop_watching()
        if self.record and self.record.first_recent != self.listeners.first_recent:
            self._write_index(None)
        try:
            self.settle()
        except MailError as error:
            log.warning("mailbox could not be settled", mailbox=self.name, reason=error.text)

    def stop_watching(self) -> None:
        """Take the watch off the directories."""
        for sub in ("new", "cur"):
            self.around.watch.remove(self.directory / sub)

    def renamed(self, name: MailboxName, directory: Path) -> None:
        """Go on under another name, in another place; ``stop_watching`` was called before."""
        self.name, self.directory = name, directory
        self._watched = self._watch()
        self._write_index(
            lambda connection, record: indexing.save_directory(connection, record, directory)
        )

    def enter(self, listener: Listener) -> None:
        """A session looks at the mailbox: what is recent is so for it, if it may change things."""
        before = self.listeners.first_recent
        self.listeners.look(listener, self.uids(), self.uid_next)
        if self.listeners.first_recent != before and not self.gone:
            self._write_index(None)

    def learn(self, flags: Iterable[Flag]) -> None:
        """Make sure that every keyword in ``flags`` has its letter, durably.

        Raises:
            TooManyKeywords: there is no letter left.
        """
        old = self.keywords
        new = old.with_all(flags, lambda: reduce(or_, self.rows.bits, 0))
        if new is not old:
            fresh = [(a, word) for a, word in new.by_letter.items() if a not in old.by_letter]
            self._add_lines([states.keyword_line(*pair) for pair in fresh])
            self.state.keywords = dict(new.by_letter)
            self.keywords = new

    def tell(self, changes: Sequence[Change]) -> None:
        """Tell the sessions."""
        added = [change.uid for change in changes if isinstance(change, Added)]
        self.listeners.tell(changes, added, self.uid_next)

    def _write_index(self, write: Callable[[sqlite3.Connection, BoxRecord], object] | None) -> None:
        """Let ``write`` change the index; an index that lacks this mailbox gets all of it.

        What the index does not take is only slower: names and rows are right already.
        """
        index = self.around.index
        try:
            if self.record is None or self.record.generation != index.generation:
                self.record = index.add_mailbox(
                    self.mailbox_id, self.uid_validity, self.directory, self.uid_next, self.mod_seq
                )
                number, rows = self.record.number, self.rows
                everything = (rows.row(at) for at in range(len(rows)))
                with index.change() as connection:
                    indexing.save_rows(connection, number, everything)
            record = self.record
            record.uid_next, record.mod_seq = self.announced, self.mod_seq
            record.first_recent = self.listeners.first_recent
            with index.change() as connection:
                if write is not None:
                    write(connection, record)
                indexing.save_box(connection, record)
        except IndexTrouble:
            self.record = None

    def check_open(self) -> None:
        """Raise ``NoSuchMailbox`` where the mailbox was deleted."""
        if self.gone:
            raise NoSuchMailbox("There is no such mailbox")

    # Adding

    def draft(self, message: NewMessage) -> Draft:
        """Write a message to ``tmp``; its octets are durable."""
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
        unique = self.around.unique()
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
        self.tell([self._news(row) for row in rows])

    def _news(self, row: Row) -> Added:
        return Added(Uid(row.uid), self.flags(row.bits), ModSeq(row.mod_seq))

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

        Not synced: in either place it is the same message.
        """
        rows, moved = self.rows, []
        fresh = [uid for uid, path in self._uids_and_paths() if path.startswith("new/")]
        with self._agreeing("moving new messages"):
            for uid in fresh:
                base = base_of(rows.paths[rows.positions([uid])[0]])
                target = f"cur/{base}:2,"
                if self._on_file(uid, partial(self._move_to_cur, target)):
                    moved.append((uid, target))
        rows = self.rows
        saved = []
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
        rows, deleted = self.rows, self.around.deleted
        wanted = {rows.uids[at]: deleted.name_for(rows.paths[at]) for at in rows.positions(uids)}
        if not wanted:
            return ()
        with self._agreeing("removing messages"):
            self._reserve(mod_seqs=1)
            deleted.record([self._record(uid, file, session) for uid, file in wanted.items()])
            for uid, file in wanted.items():
                self._on_file(uid, partial(self._take_away, file))
            deleted.sync()
            self._sync(("new", "cur"))
        self._drop(list(wanted))
        return tuple(Uid(uid) for uid in wanted)

    def _take_away(self, file: str, path: Path) -> None:
        self.around.watch.expect(path, gone=True)
        self.around.deleted.take(path, file)

    def _record(self, uid: int, file: str, session: str) -> Deleted:
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
            int(self.around.now()),
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
        self.tell([Expunged(Uid(row.uid), ModSeq(mod_seq)) for row in gone])

    def mark_gone(self) -> None:
        """The mailbox was deleted: sessions see it empty."""
        self.gone = True
        uids = list(self.rows.uids)
        octets_used, count = sum(self.rows.sizes), len(uids)
        self.rows = Rows()
        self.mod_seq += 1
        if self.record:
            with contextlib.suppress(IndexTrouble):
                self.around.index.forget(self.record.number)
        self.around.used(-octets_used, -count)
        self.tell([Expunged(Uid(uid), ModSeq(self.mod_seq)) for uid in uids])

    # Reading, beside the lane

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
        if record is not None and mod_seq >= record.forgotten:
            return self.facts(changed), self.around.index.vanished(record, mod_seq)
        here = set(rows.uids)
        return self.facts(changed), [Uid(u) for u in range(1, self.announced) if u not in here]


def permanent(flags: Flags) -> Flags:
    r"""Return those flags that are kept: not ``\Recent``, nor system flags that nobody knows."""
    return frozenset(flag for flag in flags if not flag.is_system or flag in SYSTEM_FLAGS)


def new_mailbox_id() -> MailboxId:
    """Return a MAILBOXID that no other mailbox has."""
    return MailboxId("m" + secrets.token_hex(8))


def _most_frequent_id(listing: Iterable[str]) -> MailboxId:
    counts = Counter(name.mailbox_id for name in map(names.parse, listing) if name)
    return counts.most_common(1)[0][0] if counts else new_mailbox_id()


def _by_age(item: tuple[str, OurName | None]) -> tuple[int, str]:
    path, ours = item
    return (ours.saved if ours else 0, path)


def _is_settled(times: str, now: float) -> bool:
    return all(int(time) + _SETTLED_NS < now * 1e9 for time in times.split())


def _storable(date: int) -> int:
    """Return a time of a file that file systems can keep."""
    return min(max(date, -(2**31)), 2**33)


def _parts(uid: int, described: Description, wanted: Wanted) -> CachedParts:
    return CachedParts(
        Uid(uid),
        described.envelope if wanted.envelope else b"",
        described.body_structure if wanted.body_structure else b"",
        described.header if wanted.header else b"",
    )
