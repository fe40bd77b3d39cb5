# SPDX-License-Identifier: MIT
"""The memory twin: a store that keeps everything in memory, plainly, and fulfils the contract.

Tests of IMAP, POP3 and delivery use it; the conformance suite holds it and the stores on disk to
the same behaviour.
"""

from __future__ import annotations

import dataclasses
import itertools
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from homemail.config.mailbox import MailboxSettings
from homemail.errors import MailboxExists, NoSuchMailbox, Permanent, Refused
from homemail.model.address import AccountId
from homemail.model.mailbox import (
    DELETED,
    INBOX,
    SEEN,
    SYSTEM_FLAGS,
    Added,
    Appended,
    Change,
    Copied,
    Expunged,
    FlagChange,
    Flags,
    FlagsChanged,
    MailboxId,
    MailboxName,
    MailboxRef,
    MessageFacts,
    ModSeq,
    Uid,
    UidValidity,
)
from homemail.model.message import MemoryContent, MessageContent, chunks
from homemail.model.search import SearchKey
from homemail.store import octets
from homemail.store.api import (
    Actor,
    Append,
    CachedParts,
    Found,
    MailboxInfo,
    MailboxStatus,
    NewMessage,
    Outcome,
    Progress,
    Quota,
    Removed,
    Snapshot,
    StoreResult,
    Wanted,
    Watcher,
)
from homemail.store.describe import Description, describe
from homemail.store.keywords import Keywords
from homemail.store.layout import below, directory_name, with_parents
from homemail.store.search import Candidate, Moment, matches, prepared


@dataclass(frozen=True, slots=True)
class _Message:
    """A message and what is known of it."""

    facts: MessageFacts
    octets: bytes
    described: Description

    def candidate(self) -> Candidate:
        return Candidate(self.facts, lambda: self.described.header, lambda: self.octets)


@dataclass(slots=True)
class _Box:
    """A mailbox, whoever has it open."""

    name: MailboxName
    mailbox_id: MailboxId
    uid_validity: UidValidity
    special_use: frozenset[str] = frozenset()
    uid_next: int = 1
    mod_seq: int = 1
    messages: dict[Uid, _Message] = field(default_factory=dict)
    vanished: dict[Uid, int] = field(default_factory=dict)
    keywords: Keywords = field(default_factory=Keywords)
    first_recent: int = 1
    open: list[MemoryMailbox] = field(default_factory=list)
    gone: bool = False

    def add(self, drafts: Sequence[_Message]) -> list[Uid]:
        """Keep ``drafts`` under new UIDs."""
        self.keywords = self.keywords.with_all(flag for m in drafts for flag in m.facts.flags)
        self.mod_seq += 1
        changes: list[Change] = []
        for draft in drafts:
            uid, self.uid_next = Uid(self.uid_next), self.uid_next + 1
            facts = draft.facts._replace(uid=uid, mod_seq=ModSeq(self.mod_seq))
            self.messages[uid] = dataclasses.replace(draft, facts=facts)
            changes.append(Added(uid, facts.flags, facts.mod_seq))
        self.tell(changes)
        return [change.uid for change in changes]

    def remove(self, uids: Iterable[Uid]) -> tuple[Uid, ...]:
        """Forget those of ``uids`` that are here."""
        gone = tuple(sorted(set(uids) & self.messages.keys()))
        if gone:
            self.mod_seq += 1
            for uid in gone:
                del self.messages[uid]
                self.vanished[uid] = self.mod_seq
            self.tell([Expunged(uid, ModSeq(self.mod_seq)) for uid in gone])
        return gone

    def tell(self, changes: Sequence[Change]) -> None:
        for mailbox in self.open:
            if mailbox.claims:
                mailbox.claim()
                break
        if changes:
            for mailbox in list(self.open):
                mailbox.tell(changes)


@dataclass(frozen=True, slots=True)
class _Kept:
    """A removed message, and where it was."""

    removed: Removed
    box: _Box
    message: _Message


class MemoryMailbox:
    """One open mailbox of a ``MemoryStore``."""

    def __init__(self, store: MemoryStore, box: _Box, session: str, read_only: bool) -> None:
        self._store = store
        self._session = session
        self._box = box
        self._read_only = read_only
        self._watchers: list[Watcher] = []
        self._recent: frozenset[Uid] = frozenset()
        self.claims = False
        box.open.append(self)

    @property
    def ref(self) -> MailboxRef:
        return MailboxRef(self._store.owner, self._box.name)

    @property
    def mailbox_id(self) -> MailboxId:
        return self._box.mailbox_id

    @property
    def read_only(self) -> bool:
        return self._read_only

    @property
    def permanent_keywords(self) -> bool:
        return self._box.keywords.has_room

    @property
    def recent(self) -> frozenset[Uid]:
        return self._recent & self._box.messages.keys()

    def claim(self) -> None:
        """Take what no session was told of before as recent here."""
        box = self._box
        self._recent |= {uid for uid in box.messages if uid >= box.first_recent}
        box.first_recent = box.uid_next

    def tell(self, changes: Sequence[Change]) -> None:
        for watcher in self._watchers:
            watcher(changes)

    def snapshot(self) -> Snapshot:
        box = self._box
        if not self._read_only:
            self.claims = True
            self.claim()
            recent = self.recent
        else:
            recent = frozenset(uid for uid in box.messages if uid >= box.first_recent)
            self._recent = recent
        return Snapshot(
            box.uid_validity,
            Uid(box.uid_next),
            ModSeq(box.mod_seq),
            sorted(box.messages),
            box.keywords.names,
            recent,
        )

    def refresh(self) -> None:
        """Nobody else can change what is in memory."""

    def watch(self, watcher: Watcher) -> None:
        self._watchers.append(watcher)

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
        box = self._box
        flags = _permanent(flags)
        wanted = sorted(set(uids) & box.messages.keys())
        if change is not FlagChange.REMOVE:
            box.keywords = box.keywords.with_all(flags)
        kept_back = tuple(
            uid
            for uid in wanted
            if unchanged_since is not None and box.messages[uid].facts.mod_seq > unchanged_since
        )
        mod_seq = ModSeq(box.mod_seq + 1)
        changes: list[Change] = []
        stored: list[MessageFacts] = []
        for uid in wanted:
            if uid in kept_back:
                continue
            message = box.messages[uid]
            new = _changed(message.facts.flags, change, flags)
            if new != message.facts.flags:
                facts = message.facts._replace(flags=new, mod_seq=mod_seq)
                message = box.messages[uid] = dataclasses.replace(message, facts=facts)
                box.mod_seq = mod_seq
                changes.append(FlagsChanged(uid, new, mod_seq))
            stored.append(message.facts)
        box.tell(changes)
        return StoreResult(tuple(stored), kept_back)

    def copy(self, uids: Iterable[Uid], target: MailboxName) -> Copied:
        to = self._store.box(target)
        return self._copy(uids, to)

    def _copy(self, uids: Iterable[Uid], to: _Box, *, moving: bool = False) -> Copied:
        wanted = sorted(set(uids) & self._box.messages.keys())
        sources = [self._box.messages[uid] for uid in wanted]
        if not moving:
            self._store.must_fit([source.facts.size for source in sources])
        saved = self._store.now()
        drafts = [dataclasses.replace(m, facts=m.facts._replace(save_date=saved)) for m in sources]
        made = to.add(drafts) if drafts else []
        return Copied(to.uid_validity, tuple(zip(wanted, made, strict=True)))

    def move(self, uids: Iterable[Uid], target: MailboxName) -> Copied:
        self._must_write()
        copied = self._copy(uids, self._store.box(target), moving=True)
        self._box.remove([source for source, _ in copied.pairs])
        return copied

    def expunge(self, uids: Iterable[Uid] | None = None) -> tuple[Uid, ...]:
        self._must_write()
        messages = self._box.messages
        wanted = messages.keys() if uids is None else set(uids) & messages.keys()
        return self._remove([u for u in wanted if DELETED in messages[u].facts.flags])

    def remove(self, uids: Iterable[Uid]) -> tuple[Uid, ...]:
        self._must_write()
        return self._remove(uids)

    def _remove(self, uids: Iterable[Uid]) -> tuple[Uid, ...]:
        wanted = list(uids)
        self._store.keep(self._box, self._pick(wanted), self._session)
        return self._box.remove(wanted)

    def read_facts(self, uids: Iterable[Uid]) -> list[MessageFacts]:
        return [message.facts for message in self._pick(uids)]

    def read_flags(self, uids: Sequence[Uid]) -> list[tuple[Uid, Flags]]:
        return [(message.facts.uid, message.facts.flags) for message in self._pick(uids)]

    def read_cached(self, uids: Iterable[Uid], wanted: Wanted) -> list[CachedParts]:
        return [
            CachedParts(
                message.facts.uid,
                message.described.envelope if wanted.envelope else b"",
                message.described.body_structure if wanted.body_structure else b"",
                message.described.header if wanted.header else b"",
            )
            for message in self._pick(uids)
        ]

    def read_content(self, uid: Uid) -> MessageContent | None:
        message = self._box.messages.get(uid)
        return None if message is None else MemoryContent(message.octets)

    def read_sizes(self, uids: Sequence[Uid]) -> list[tuple[Uid, int, bool]]:
        facts = (message.facts for message in self._pick(uids))
        return [(one.uid, one.size, SEEN in one.flags) for one in facts]

    def read_file_names(self) -> dict[Uid, str]:
        return {}

    def read_former_ids(self) -> dict[Uid, str]:
        return {}

    def read_search(self, key: SearchKey) -> list[Uid]:
        moment, key = Moment(self.recent, self._store.now()), prepared(key)
        candidates = [message.candidate() for message in self._pick(list(self._box.messages))]
        return [found.facts.uid for found in candidates if matches(key, found, moment)]

    def read_changed_since(self, mod_seq: ModSeq) -> tuple[list[MessageFacts], list[Uid]]:
        messages = self._pick(list(self._box.messages))
        changed = [m.facts for m in messages if m.facts.mod_seq > mod_seq]
        return changed, sorted(u for u, at in self._box.vanished.copy().items() if at > mod_seq)

    def close(self) -> None:
        self._watchers.clear()
        if self in self._box.open:
            self._box.open.remove(self)

    def _pick(self, uids: Iterable[Uid]) -> list[_Message]:
        messages = self._box.messages
        found = (messages.get(uid) for uid in sorted(set(uids)))
        return [message for message in found if message is not None]

    def _must_write(self) -> None:
        if self._read_only:
            raise Refused("The mailbox is open read-only")
        if self._box.gone:
            raise NoSuchMailbox("There is no such mailbox")


class MemoryStore:
    """All mailboxes of one owner, in memory."""

    def __init__(
        self,
        owner: AccountId,
        *,
        undelete_for: float = 0.0,
        octets_limit: int = 0,
        messages_limit: int = 0,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._owner = owner
        self._undelete_for = undelete_for
        self._removed: dict[str, _Kept] = {}
        self._limits = (octets_limit, messages_limit)
        self._ids = itertools.count(1)
        self._validity = itertools.count(int(time.time()))
        self._subscribed: set[MailboxName] = set()
        self._boxes: dict[MailboxName, _Box] = {}
        self._now = now
        self._make(INBOX)

    def now(self) -> datetime:
        """Return the time."""
        return datetime.fromtimestamp(self._now(), UTC)

    @property
    def owner(self) -> AccountId:
        return self._owner

    def mailboxes(self) -> list[MailboxInfo]:
        names = with_parents(self._boxes)
        return [
            MailboxInfo(
                name,
                exists=name in self._boxes,
                has_children=bool(below(name, names)),
                subscribed=name in self._subscribed,
                special_use=self._boxes[name].special_use if name in self._boxes else frozenset(),
            )
            for name in sorted(names, key=lambda name: name.parts)
        ]

    def subscriptions(self) -> list[MailboxName]:
        return sorted(self._subscribed, key=lambda name: name.parts)

    def open(self, name: MailboxName, actor: Actor, *, read_only: bool = False) -> MemoryMailbox:
        return MemoryMailbox(self, self.box(name), actor.session, read_only)

    def status(self, name: MailboxName, actor: Actor) -> MailboxStatus:
        box = self.box(name)
        facts = [message.facts for message in box.messages.values()]
        return MailboxStatus(
            messages=len(facts),
            recent=sum(fact.uid >= box.first_recent for fact in facts),
            unseen=sum(SEEN not in fact.flags for fact in facts),
            deleted=sum(DELETED in fact.flags for fact in facts),
            uid_next=Uid(box.uid_next),
            uid_validity=box.uid_validity,
            highest_mod_seq=ModSeq(box.mod_seq),
            size=sum(fact.size for fact in facts),
            mailbox_id=box.mailbox_id,
        )

    def append(
        self, name: MailboxName, messages: Sequence[NewMessage], actor: Actor
    ) -> tuple[Appended, ...]:
        return self.put(self.box(name), messages)

    def put(self, box: _Box, messages: Sequence[NewMessage]) -> tuple[Appended, ...]:
        """Add ``messages`` to ``box``, all or none."""
        if box.gone:
            raise NoSuchMailbox("There is no such mailbox")
        drafts = [self._draft(message) for message in messages]
        self.must_fit([draft.facts.size for draft in drafts])
        return tuple(Appended(uid, box.uid_validity) for uid in box.add(drafts))

    def append_all(self, appends: Sequence[Append]) -> list[Outcome]:
        outcomes: list[Outcome] = []
        for one in appends:
            try:
                outcomes.append(self.append(one.name, one.messages, one.actor))
            except Exception as error:
                outcomes.append(error)
        return outcomes

    def _draft(self, message: NewMessage) -> _Message:
        lf = b"".join(octets.to_lf(chunks(message.content)))
        content = octets.to_crlf(lf)
        described = describe(content)
        digest = octets.hash_of(lf)
        facts = MessageFacts(
            Uid(0),
            _permanent(message.flags),
            ModSeq(0),
            len(content),
            message.internal_date or self.now(),
            self.now(),
            octets.email_id(digest),
            octets.thread_id(described.thread or digest),
        )
        return _Message(facts, content, described)

    def create(
        self, name: MailboxName, actor: Actor, special_use: frozenset[str] = frozenset()
    ) -> MailboxId:
        directory_name(name)
        if name in self._boxes:
            raise MailboxExists("There is such a mailbox already")
        for missing in sorted(with_parents([name]) - self._boxes.keys(), key=lambda n: n.parts):
            self._make(missing)
        self._boxes[name].special_use = special_use
        return self._boxes[name].mailbox_id

    def delete(self, name: MailboxName, actor: Actor) -> None:
        if name.is_inbox:
            raise Permanent("INBOX cannot be deleted")
        box = self.box(name)
        self.keep(box, list(box.messages.values()), actor.session)
        box.gone = True
        box.remove(list(box.messages))
        del self._boxes[name]

    def rename(self, name: MailboxName, new_name: MailboxName, actor: Actor) -> None:
        directory_name(new_name)
        if new_name in self._boxes:
            raise MailboxExists("There is such a mailbox already")
        if name.is_inbox:
            self.create(new_name, actor)
            inbox = self._boxes[INBOX]
            self._boxes[new_name].add(list(inbox.messages.values()))
            inbox.remove(list(inbox.messages))
            return
        moved = [n for n in (name, *below(name, self._boxes)) if n in self._boxes]
        if not moved:
            raise NoSuchMailbox("There is no such mailbox")
        if below(name, [new_name]):
            raise Permanent("A mailbox cannot be renamed to a place below itself")
        targets = {n: MailboxName(new_name.parts + n.parts[len(name.parts) :]) for n in moved}
        for target in targets.values():
            directory_name(target)
            if target in self._boxes:
                raise MailboxExists("There is such a mailbox already")
        for missing in sorted(with_parents([new_name]) - self._boxes.keys() - {new_name}, key=str):
            self._make(missing)
        for old, target in targets.items():
            box = self._boxes.pop(old)
            box.name = target
            self._boxes[target] = box

    def subscribe(self, name: MailboxName, actor: Actor) -> None:
        directory_name(name)
        self._subscribed.add(name)

    def unsubscribe(self, name: MailboxName, actor: Actor) -> None:
        self._subscribed.discard(name)

    def quota(self) -> Quota:
        sizes = [m.facts.size for box in self._boxes.values() for m in box.messages.values()]
        return Quota(sum(sizes), self._limits[0], len(sizes), self._limits[1])

    def must_fit(self, sizes: Sequence[int]) -> None:
        """Raise ``OverQuota`` where messages of ``sizes`` octets have no room."""
        self.quota().must_fit(sizes)

    def limit(self, octets_limit: int, messages_limit: int) -> None:
        self._limits = (octets_limit, messages_limit)

    def keep(self, box: _Box, messages: Iterable[_Message], session: str) -> None:
        """Keep what is about to be removed."""
        for message in messages if self._undelete_for else ():
            facts, id = message.facts, str(next(self._ids))
            gone = Removed(id, box.name, facts.flags, facts.internal_date, self.now(), session)
            self._removed[id] = _Kept(gone, box, message)

    def removed(self) -> list[Removed]:
        return [kept.removed for kept in self._removed.values()]

    def restore(self, ids: Collection[str], actor: Actor) -> dict[str, MailboxName]:
        restored: dict[str, MailboxName] = {}
        for id in [id for id in self._removed if id in ids]:
            kept = self._removed[id]
            self.must_fit([kept.message.facts.size])
            name = kept.removed.mailbox if kept.box.gone else kept.box.name
            if name not in self._boxes:
                self.create(name, actor)
            facts = kept.message.facts
            facts = facts._replace(flags=facts.flags - {DELETED})
            self._boxes[name].add([dataclasses.replace(kept.message, facts=facts)])
            restored[id] = name
            del self._removed[id]
        return restored

    def read_removed(self, ids: Collection[str]) -> dict[str, MessageContent]:
        return {
            id: MemoryContent(kept.message.octets)
            for id, kept in self._removed.items()
            if id in ids
        }

    def check(self, name: MailboxName) -> Iterator[Progress | Found]:
        yield Progress(len(self.box(name).messages), len(self.box(name).messages))

    def reindex(self, name: MailboxName) -> Iterator[Progress | Found]:
        return self.check(name)

    def read_texts(self) -> bool:
        return False

    def tidy(self) -> bool:
        now = self._now()
        for id, kept in list(self._removed.items()):
            if kept.removed.removed_at.timestamp() + self._undelete_for <= now:
                del self._removed[id]
        return False

    def look(self) -> None:
        """Nobody else can change what is in memory."""

    def changes_fd(self) -> int:
        return -1

    def close(self) -> None:
        for box in self._boxes.values():
            for mailbox in list(box.open):
                mailbox.close()

    def box(self, name: MailboxName) -> _Box:
        """Return the mailbox of this name, or raise ``NoSuchMailbox``."""
        box = self._boxes.get(name)
        if box is None:
            raise NoSuchMailbox("There is no such mailbox")
        return box

    def _make(self, name: MailboxName) -> None:
        validity = UidValidity(next(self._validity))
        self._boxes[name] = _Box(name, MailboxId(f"m{next(self._ids)}"), validity)


def _permanent(flags: Flags) -> Flags:
    return frozenset(flag for flag in flags if not flag.is_system or flag in SYSTEM_FLAGS)


def _changed(old: Flags, change: FlagChange, flags: Flags) -> Flags:
    match change:
        case FlagChange.ADD:
            return old | flags
        case FlagChange.REMOVE:
            return old - flags
        case FlagChange.REPLACE:
            return flags


def open_store(
    owner: AccountId,
    home: Path,
    settings: MailboxSettings,
    *,
    octets_limit: int = 0,
    messages_limit: int = 0,
    now: Callable[[], float] = time.time,
    follow_links: bool = False,
) -> MemoryStore:
    """Return an empty store; ``home`` says nothing to it."""
    return MemoryStore(
        owner,
        undelete_for=settings.undelete_for,
        octets_limit=octets_limit,
        messages_limit=messages_limit,
        now=now,
    )
