# SPDX-License-Identifier: MIT
"""One session's view of a mailbox in a Maildir."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from homemail.errors import Refused
from homemail.message.header import Octets
from homemail.model.mailbox import (
    Appended,
    Copied,
    FlagChange,
    Flags,
    MailboxId,
    MailboxName,
    MailboxRef,
    MessageFacts,
    ModSeq,
    Uid,
)
from homemail.model.message import MessageContent
from homemail.model.search import All, SearchKey
from homemail.store.api import (
    Actor,
    CachedParts,
    NewMessage,
    Snapshot,
    StoreResult,
    Wanted,
    Watcher,
)
from homemail.store.changes import Listener
from homemail.store.column_search import ColumnSearch
from homemail.store.keywords import DELETED_BIT
from homemail.store.maildir_box import Box, Draft, permanent
from homemail.store.search import Candidate, Moment, matches, prepared

if TYPE_CHECKING:
    from homemail.store.maildir import MaildirStore

_BATCH = 1000  # messages whose headers are read together


class MaildirMailbox:
    """One open mailbox of a ``MaildirStore``."""

    def __init__(self, store: MaildirStore, box: Box, actor: Actor, read_only: bool) -> None:
        self._store = store
        self._box = box
        self._actor = actor
        self._listener = Listener(read_only)
        box.listeners.sessions.append(self._listener)

    @property
    def ref(self) -> MailboxRef:
        return MailboxRef(self._store.owner, self._box.name)

    @property
    def mailbox_id(self) -> MailboxId:
        return self._box.mailbox_id

    @property
    def read_only(self) -> bool:
        return self._listener.read_only

    @property
    def permanent_keywords(self) -> bool:
        return self._box.keywords.has_room

    @property
    def recent(self) -> frozenset[Uid]:
        here = self._box.rows.position
        return frozenset(uid for uid in self._listener.recent if here(uid) is not None)

    def snapshot(self) -> Snapshot:
        box, listener = self._box, self._listener
        self._store.look()
        if not listener.read_only and not listener.claims and not box.gone:
            box.empty_new()
        box.enter(listener)
        return Snapshot(
            box.uid_validity,
            Uid(box.uid_next),
            ModSeq(box.mod_seq),
            box.uids(),
            box.keywords.names,
            self.recent,
        )

    def refresh(self) -> None:
        self._store.look()

    def watch(self, watcher: Watcher) -> None:
        self._listener.watchers.append(watcher)

    def append(self, messages: Sequence[NewMessage]) -> tuple[Appended, ...]:
        self._must_write()
        return self._store.put(self._box, messages)

    def store(
        self,
        uids: Iterable[Uid],
        change: FlagChange,
        flags: Flags,
        unchanged_since: ModSeq | None = None,
    ) -> StoreResult:
        self._must_write()
        asked, kept = self._box.change_flags(uids, change, permanent(flags), unchanged_since)
        return StoreResult(tuple(self._box.facts(asked)), kept)

    def copy(self, uids: Iterable[Uid], target: MailboxName) -> Copied:
        to = self._store.box(target)
        self._store.look()
        drafts = self._box.copies(uids, to)
        self._store.must_fit([draft.wire_size for draft in drafts])
        return self._filed(to, drafts)

    def move(self, uids: Iterable[Uid], target: MailboxName) -> Copied:
        self._must_write()
        to = self._store.box(target)
        self._store.look()
        copied = self._filed(to, self._box.moves(uids))
        if copied.pairs:
            self._box.moved_away([source for source, _ in copied.pairs])
        return copied

    def _filed(self, to: Box, drafts: Sequence[Draft]) -> Copied:
        pairs = to.add(drafts, self._box) if drafts else []
        return Copied(to.uid_validity, tuple((Uid(source), uid) for source, uid in pairs))

    def expunge(self, uids: Iterable[Uid] | None = None) -> tuple[Uid, ...]:
        self._must_write()
        rows = self._box.rows
        positions = range(len(rows)) if uids is None else rows.positions(uids)
        return self._remove(rows.uids[at] for at in positions if rows.bits[at] & DELETED_BIT)

    def remove(self, uids: Iterable[Uid]) -> tuple[Uid, ...]:
        self._must_write()
        return self._remove(uids)

    def _remove(self, uids: Iterable[int]) -> tuple[Uid, ...]:
        return self._box.remove(uids, self._actor.session)

    def read_facts(self, uids: Iterable[Uid]) -> list[MessageFacts]:
        return self._box.facts(uids)

    def read_flags(self, uids: Sequence[Uid]) -> list[tuple[Uid, Flags]]:
        return self._box.flags_of(uids)

    def read_cached(self, uids: Iterable[Uid], wanted: Wanted) -> list[CachedParts]:
        return self._box.cached(uids, wanted)

    def read_content(self, uid: Uid) -> MessageContent | None:
        return self._box.content(uid)

    def read_sizes(self, uids: Sequence[Uid]) -> list[tuple[Uid, int, bool]]:
        return self._box.sizes(uids)

    def read_file_names(self) -> dict[Uid, str]:
        return self._box.file_names()

    def read_former_ids(self) -> dict[Uid, str]:
        return self._box.former_ids()

    def read_search(self, key: SearchKey) -> list[Uid]:
        moment, rows = Moment(self.recent, self._store.moment()), self._box.rows
        positions, rest = ColumnSearch(rows, self._box.keywords, moment).narrow(prepared(key))
        uids = [Uid(rows.uids[at]) for at in positions]
        if rest == All():
            return uids
        some = self._box.around.full_text.narrowed(self._box, rest, uids)
        return [c.facts.uid for c in self._candidates(some) if matches(rest, c, moment)]

    def _candidates(self, uids: Sequence[Uid]) -> Iterator[Candidate]:
        for start in range(0, len(uids), _BATCH):
            batch = _Batch(self._box, uids[start : start + _BATCH])
            for facts in self._box.facts(batch.uids):
                yield batch.candidate(facts)

    def read_changed_since(self, mod_seq: ModSeq) -> tuple[list[MessageFacts], list[Uid]]:
        return self._box.changed_since(mod_seq)

    def close(self) -> None:
        self._listener.watchers.clear()
        if self._listener in self._box.listeners.sessions:
            self._box.listeners.sessions.remove(self._listener)

    def _must_write(self) -> None:
        if self._listener.read_only:
            raise Refused("The mailbox is open read-only")
        self._box.check_open()


class _Batch:
    """Messages whose headers are read together, when the first of them is asked for."""

    def __init__(self, box: Box, uids: Sequence[Uid]) -> None:
        self.uids = uids
        self._box = box
        self._headers: dict[int, bytes] | None = None

    def candidate(self, facts: MessageFacts) -> Candidate:
        return Candidate(facts, lambda: self._header(facts.uid), lambda: self._octets(facts.uid))

    def _header(self, uid: Uid) -> bytes:
        if self._headers is None:
            parts = self._box.cached(self.uids, Wanted(header=True))
            self._headers = {part.uid: part.header for part in parts}
        return self._headers.get(uid, b"")

    def _octets(self, uid: Uid) -> Octets:
        return self._box.octets(uid)
