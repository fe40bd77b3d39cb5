# SPDX-License-Identifier: MIT
"""One mailbox in a Maildir: loading it, and making rows, index and sessions agree with its names.

- Every UID and mod-sequence used is at or below the limit that the state file has on disk.
- What another program did to names is found by listing, and told like our own changes.
- A name that another program gave is kept up to the ``:``.

Longer than most files: all that gives out numbers is here.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import sqlite3
import stat
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import reduce
from operator import or_
from pathlib import Path

from homemail import durable
from homemail.errors import MailError, NoSuchMailbox, Temporary
from homemail.log import Log
from homemail.model.mailbox import (
    Added,
    Change,
    Expunged,
    Flag,
    FlagsChanged,
    MailboxId,
    MailboxName,
    ModSeq,
    Uid,
    UidValidity,
)
from homemail.store import imported
from homemail.store import index as indexing
from homemail.store import maildir_name as names
from homemail.store import state as states
from homemail.store.changes import Listener, Listeners
from homemail.store.index import BoxRecord, IndexTrouble
from homemail.store.keywords import Keywords, bits_of
from homemail.store.maildir_name import OurName, base_of, letters_in
from homemail.store.maildir_reading import FILLED_AT_ONCE, ReadableBox, Surroundings
from homemail.store.rows import Row, Rows

STALE_SECONDS = 36 * 3600

_SETTLED_NS = 2_000_000_000  # times of directories younger than this may hide a later change
_MANY = 100

log = Log("store")


@dataclass(slots=True)
class _Found:
    """What a listing found that the rows do not say."""

    times: str
    renamed: list[tuple[int, str]] = field(default_factory=list)
    gone: list[int] = field(default_factory=list)
    added: list[str] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.renamed or self.gone or self.added)


class ListedBox(ReadableBox):
    """A loaded mailbox, as the owner's lane knows it."""

    def __init__(self, around: Surroundings, name: MailboxName, directory: Path) -> None:
        """Load the mailbox.

        Raises:
            Temporary: it cannot be read now.
        """
        super().__init__(around, name, directory)
        self.listeners = Listeners()
        self.gone = False
        self._gone_foreign = 0
        self._unsure = False  # somebody changed names, and they were not listed since
        with durable.doing("opening a mailbox"):
            self._clear_tmp()
            self._watched = self._watch()
            self._load()

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
        there = states.peek(Path(str(other)))
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
        with durable.doing("looking through a mailbox"):
            self._look(changed)

    def _look(self, changed: set[str]) -> None:
        if self._watched:
            mine = {str(self.directory / "new"), str(self.directory / "cur")}
            self._unsure = self._unsure or not changed.isdisjoint(mine)
            if not self._unsure:
                return
        elif self.record and self.record.times == self._times():
            return
        self.scan(self._list())
        self._unsure = False

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
            return os.lstat(f"{self.directory}/{path}").st_mtime, path
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

    def begin_index(self) -> None:
        """Forget what the index knows of the mailbox; files are read again as they are wanted.

        Changes from before are no longer known by what they were: a client that asks for them
        hears of every UID.
        """
        if self.record is not None:
            with contextlib.suppress(IndexTrouble):
                self.around.index.forget(self.record.number)
        self.record = None
        self.rows.filled[:] = bytes(len(self.rows))
        self._write_index(None)

    def check_open(self) -> None:
        """Raise ``NoSuchMailbox`` where the mailbox was deleted."""
        if self.gone:
            raise NoSuchMailbox("There is no such mailbox")

    def _news(self, row: Row) -> Added:
        return Added(Uid(row.uid), self.flags(row.bits), ModSeq(row.mod_seq))

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
