# SPDX-License-Identifier: MIT
"""The contract of mailboxes: what IMAP, POP3 and delivery may ask of a store.

Plain synchronous calls. Everything that changes something is called in the owner's lane
(``store.lane``), one call at a time, and is durable when it returns. ``Mailbox.read_*`` calls may
run beside the lane. Errors are those of ``homemail.errors``: ``NoSuchMailbox``, ``MailboxExists``,
``BadMailboxName``, ``OverQuota``, ``StorageFull``, ``LockTimeout``, ``Temporary``; an ``OSError``
never leaves the store.

A UID that a call names and that is gone (expunged by another session) is passed over in silence:
what was asked is in the answer or is not. Answers are in ascending order of UID.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple, Protocol

from homemail.errors import OverQuota
from homemail.model.address import AccountId
from homemail.model.mailbox import (
    Appended,
    Change,
    Copied,
    FlagChange,
    Flags,
    MailboxId,
    MailboxName,
    MailboxRef,
    MessageFacts,
    ModSeq,
    Uid,
    UidValidity,
)
from homemail.model.message import MessageContent
from homemail.model.search import SearchKey


@dataclass(frozen=True, slots=True)
class MailboxInfo:
    r"""A row of LIST. A name that only holds children together has ``exists`` False.

    ``special_use`` holds attributes such as ``\Sent`` (RFC 6154).
    """

    name: MailboxName
    exists: bool
    has_children: bool
    subscribed: bool
    special_use: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class MailboxStatus:
    """What STATUS can ask (RFC 9051 §6.3.11, RFC 8438, RFC 7162, RFC 8474). ``size`` in octets."""

    messages: int
    recent: int
    unseen: int
    deleted: int
    uid_next: Uid
    uid_validity: UidValidity
    highest_mod_seq: ModSeq
    size: int
    mailbox_id: MailboxId


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A mailbox at one moment. ``keywords`` are those in use or remembered.

    ``recent``: messages that no read-write session had been told of before this one
    (RFC 3501 §2.3.2).
    """

    uid_validity: UidValidity
    uid_next: Uid
    highest_mod_seq: ModSeq
    uids: Sequence[Uid]
    keywords: Flags
    recent: frozenset[Uid]


@dataclass(frozen=True, slots=True)
class NewMessage:
    """What to append. ``internal_date`` None means now; it must know its zone."""

    content: MessageContent
    flags: Flags = frozenset()
    internal_date: datetime | None = None


@dataclass(frozen=True, slots=True)
class Append:
    """Messages for one mailbox, all of them or none.

    ``alone``: what comes after it depends on what becomes of it.
    """

    name: MailboxName
    messages: Sequence[NewMessage]
    actor: Actor
    alone: bool = False


Outcome = tuple[Appended, ...] | Exception
"""Where messages went, or why they did not go."""


@dataclass(frozen=True, slots=True)
class StoreResult:
    """What STORE did.

    ``changed``: the messages that were asked for, as they are now, those whose flags were right
    already among them; ``modified``: those that UNCHANGEDSINCE kept back.
    """

    changed: tuple[MessageFacts, ...]
    modified: tuple[Uid, ...] = ()


class CachedParts(NamedTuple):
    """Octets of a message as they go on the wire, kept by the index.

    A tuple, as thousands of them are made at a time.
    ``envelope`` and ``body_structure`` are the values of ENVELOPE and BODYSTRUCTURE
    (RFC 9051 §7.5.2); ``header`` is the message's header with its empty line.
    """

    uid: Uid
    envelope: bytes = b""
    body_structure: bytes = b""
    header: bytes = b""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which of ``CachedParts`` are asked for; the others stay empty."""

    envelope: bool = False
    body_structure: bool = False
    header: bool = False


@dataclass(frozen=True, slots=True)
class Quota:
    """Use and limit of an account; a limit of 0 is none. Octets and messages."""

    octets_used: int
    octets_limit: int
    messages_used: int
    messages_limit: int

    def must_fit(self, sizes: Sequence[int]) -> None:
        """Raise ``OverQuota`` where messages of ``sizes`` octets have no room.

        The status is 4.2.2 where they will have, once others are gone, and 5.2.2 where never.
        """
        octets, messages = sum(sizes), len(sizes)
        if self.octets_limit and octets > self.octets_limit:
            raise OverQuota("The message is larger than the quota of the account")
        full = self.octets_limit and self.octets_used + octets > self.octets_limit
        many = self.messages_limit and self.messages_used + messages > self.messages_limit
        if full or many:
            raise OverQuota("The account is over its quota", status="4.2.2")


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts on a mailbox: an account, and the session for the undelete record."""

    account: AccountId
    session: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Removed:
    """A message that was expunged and can be brought back; ``id`` names it."""

    id: str
    mailbox: MailboxName
    flags: Flags
    internal_date: datetime
    removed_at: datetime
    session: str


@dataclass(frozen=True, slots=True)
class Progress:
    """How many messages of a mailbox are done."""

    done: int
    total: int


@dataclass(frozen=True, slots=True)
class Found:
    """Something that a person should know of a mailbox, in words; ``mended`` if it is right now."""

    text: str
    mended: bool = False


Watcher = Callable[[Sequence[Change]], None]
"""Called in the owner's lane, after the changes are durable; must not call the store."""


class Mailbox(Protocol):
    """One open mailbox. Several may be open on the same one; all hear of every change."""

    @property
    def ref(self) -> MailboxRef: ...

    @property
    def mailbox_id(self) -> MailboxId: ...

    @property
    def read_only(self) -> bool: ...

    @property
    def permanent_keywords(self) -> bool:
        r"""Whether a new keyword can be made now (``\*`` in PERMANENTFLAGS)."""

    @property
    def recent(self) -> frozenset[Uid]:
        """The messages that this session was the first to be told of (RFC 3501 §2.3.2)."""

    def snapshot(self) -> Snapshot:
        """Look for changes by other programs, then return the mailbox as it is now.

        The first call of a read-write mailbox claims the recent messages.
        """

    def refresh(self) -> None:
        """Look for changes by other programs; what is found goes to the watchers."""

    def watch(self, watcher: Watcher) -> None:
        """Tell ``watcher`` of every change from now on, this session's own included."""

    def append(self, messages: Sequence[NewMessage]) -> tuple[Appended, ...]:
        """Add all messages or none (RFC 3502). NUL inside raises ``BadContent``."""

    def store(
        self,
        uids: Iterable[Uid],
        change: FlagChange,
        flags: Flags,
        unchanged_since: ModSeq | None = None,
    ) -> StoreResult:
        r"""Change flags. A 27th keyword raises ``TooManyKeywords``; ``\Recent`` is ignored."""

    def copy(self, uids: Iterable[Uid], target: MailboxName) -> Copied:
        """Copy all or none, with flags and internal date."""

    def move(self, uids: Iterable[Uid], target: MailboxName) -> Copied:
        """Move (RFC 6851): no message is ever in neither mailbox."""

    def expunge(self, uids: Iterable[Uid] | None = None) -> tuple[Uid, ...]:
        r"""Remove what is \Deleted (of ``uids`` only, if given); return what was removed."""

    def remove(self, uids: Iterable[Uid]) -> tuple[Uid, ...]:
        """Remove these, flagged or not (POP3's update state)."""

    def read_facts(self, uids: Iterable[Uid]) -> list[MessageFacts]:
        """Return what is known of each message."""

    def read_flags(self, uids: Sequence[Uid]) -> list[tuple[Uid, Flags]]:
        """Return the flags alone: what clients ask of all messages at once.

        ``uids`` ascend. Sets of flags that are equal are mostly the same object.
        """

    def read_cached(self, uids: Iterable[Uid], wanted: Wanted) -> list[CachedParts]:
        """Return wire forms and headers; opens a message only where the index lacks it."""

    def read_content(self, uid: Uid) -> MessageContent | None:
        """Return the message's octets with CRLF line ends, or None when it is gone.

        The content stays readable after the message is expunged.
        """

    def read_sizes(self, uids: Sequence[Uid]) -> list[tuple[Uid, int, bool]]:
        r"""Return UID, octets, and whether it is \Seen, of each message: what POP3 asks of all."""

    def read_file_names(self) -> dict[Uid, str]:
        """Return the part of each message's file name that never changes; empty without files."""

    def read_former_ids(self) -> dict[Uid, str]:
        """Return the unique-ids that another POP3 server gave to messages and wrote down."""

    def read_search(self, key: SearchKey) -> list[Uid]:
        """Return the UIDs that match."""

    def read_changed_since(self, mod_seq: ModSeq) -> tuple[list[MessageFacts], list[Uid]]:
        """Return the messages changed and the UIDs vanished after ``mod_seq`` (RFC 7162).

        UIDs whose removal is no longer remembered are all reported as vanished.
        """

    def close(self) -> None:
        """Stop watching; the mailbox object must not be used again."""


class Store(Protocol):
    """All mailboxes of one owner. INBOX always exists."""

    @property
    def owner(self) -> AccountId: ...

    def mailboxes(self) -> list[MailboxInfo]:
        """Return every mailbox, parents that hold only children included, sorted by name."""

    def subscriptions(self) -> list[MailboxName]:
        """Return the subscribed names, existing or not."""

    def open(self, name: MailboxName, actor: Actor, *, read_only: bool = False) -> Mailbox:
        """Open a mailbox. Raises ``NoSuchMailbox``."""

    def status(self, name: MailboxName, actor: Actor) -> MailboxStatus:
        """Return the counts of a mailbox without opening it. Raises ``NoSuchMailbox``."""

    def append(
        self, name: MailboxName, messages: Sequence[NewMessage], actor: Actor
    ) -> tuple[Appended, ...]:
        """Add messages without opening the mailbox: delivery's way in. Raises ``NoSuchMailbox``."""

    def append_all(self, appends: Sequence[Append]) -> list[Outcome]:
        """Do several appends at once; each is all or none, and fails by itself."""

    def create(
        self, name: MailboxName, actor: Actor, special_use: frozenset[str] = frozenset()
    ) -> MailboxId:
        """Make a mailbox, and what lacks above it. Raises ``MailboxExists``."""

    def delete(self, name: MailboxName, actor: Actor) -> None:
        """Remove a mailbox with its messages; children stay. INBOX raises ``Permanent``."""

    def rename(self, name: MailboxName, new_name: MailboxName, actor: Actor) -> None:
        """Rename with all children; INBOX: its messages move (RFC 9051 §6.3.6)."""

    def subscribe(self, name: MailboxName, actor: Actor) -> None:
        """Put the name on the list of subscriptions; it need not exist."""

    def unsubscribe(self, name: MailboxName, actor: Actor) -> None:
        """Take the name off the list; one that is not there is no error."""

    def quota(self) -> Quota:
        """Return use and limits."""

    def must_fit(self, sizes: Sequence[int]) -> None:
        """Raise ``OverQuota`` where messages of ``sizes`` octets have no room."""

    def limit(self, octets_limit: int, messages_limit: int) -> None:
        """Set other limits; 0 is none. What is there already stays."""

    def removed(self) -> list[Removed]:
        """Return what was expunged and can be brought back, by the time of removal."""

    def restore(self, ids: Collection[str], actor: Actor) -> dict[str, MailboxName]:
        r"""Bring removed messages back; return where each is now.

        They come into the mailbox that they were in, made again where it is gone, under new UIDs,
        with their flags (but ``\Deleted``) and dates. Raises ``OverQuota``.
        """

    def read_removed(self, ids: Collection[str]) -> dict[str, MessageContent]:
        """Return the octets of removed messages by their ids; of small ones in memory."""

    def check(self, name: MailboxName) -> Iterator[Progress | Found]:
        """Look a mailbox through, a little at each step. Raises ``NoSuchMailbox``."""

    def reindex(self, name: MailboxName) -> Iterator[Progress | Found]:
        """Forget what is only kept to be fast and make it anew, a little at each step."""

    def read_texts(self) -> bool:
        """Take in a little of what full-text search lacks; return whether there is more of it."""

    def tidy(self) -> bool:
        """Do a little of what can wait; return whether there is more of it."""

    def look(self) -> None:
        """Look for changes by other programs in all open mailboxes; the watchers are told."""

    def changes_fd(self) -> int:
        """Return a descriptor that is readable when ``look`` may find something, or -1."""

    def close(self) -> None:
        """Give everything up: watchers, index, lock."""
