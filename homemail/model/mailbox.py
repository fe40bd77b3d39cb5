# SPDX-License-Identifier: MIT
"""Mailboxes as IMAP sees them (RFC 9051 §2.3): names, UIDs, flags, changes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import NamedTuple, NewType

from homemail.model.address import AccountId

Uid = NewType("Uid", int)
UidValidity = NewType("UidValidity", int)
ModSeq = NewType("ModSeq", int)
SequenceNumber = NewType("SequenceNumber", int)
"""Valid in one session, until the next EXPUNGE."""

MailboxId = NewType("MailboxId", str)


class Flag(str):
    r"""A flag (``\Seen``) or keyword (``$Junk``). Compares case-folded, keeps its spelling."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, str) and self.casefold() == other.casefold()

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __hash__(self) -> int:
        return hash(self.casefold())

    @property
    def is_system(self) -> bool:
        return self.startswith("\\")


Flags = frozenset[Flag]

SEEN = Flag("\\Seen")
ANSWERED = Flag("\\Answered")
FLAGGED = Flag("\\Flagged")
DELETED = Flag("\\Deleted")
DRAFT = Flag("\\Draft")
SYSTEM_FLAGS = (ANSWERED, FLAGGED, DELETED, SEEN, DRAFT)


class FlagChange(Enum):
    """STORE FLAGS, +FLAGS, -FLAGS."""

    REPLACE = "FLAGS"
    ADD = "+FLAGS"
    REMOVE = "-FLAGS"


@dataclass(frozen=True, slots=True)
class SequenceSet:
    """``1:4,7,*`` as pairs in the order written; ``None`` stands for ``*``. Not normalised."""

    ranges: tuple[tuple[int | None, int | None], ...]

    @classmethod
    def of(cls, *numbers: int) -> SequenceSet:
        return cls(tuple((number, number) for number in numbers))

    def spans(self, largest: int) -> Iterator[tuple[int, int]]:
        """Yield each range as (low, high), ``*`` being ``largest``."""
        for first, last in self.ranges:
            low = largest if first is None else first
            high = largest if last is None else last
            yield (low, high) if low <= high else (high, low)

    def __str__(self) -> str:
        return ",".join(
            _number(first) if first == last else f"{_number(first)}:{_number(last)}"
            for first, last in self.ranges
        )


def _number(value: int | None) -> str:
    return "*" if value is None else str(value)


@dataclass(frozen=True, slots=True)
class MailboxName:
    """A mailbox's place in the hierarchy, apart from any delimiter. INBOX is ``("INBOX",)``."""

    parts: tuple[str, ...]

    @classmethod
    def parse(cls, text: str, delimiter: str = "/") -> MailboxName:
        """Return the name in ``text``; ``INBOX`` is recognised in any case.

        Raises:
            ValueError: an empty part, ``.`` or ``..`` as a part, a control character, more than
                255 octets in a part or 1000 in all.
        """
        parts = text.split(delimiter)
        if parts[0].upper() == "INBOX":
            parts[0] = "INBOX"
        for part in parts:
            if not part or part in (".", ".."):
                raise ValueError("an empty part, . or .. in a mailbox name")
            if any(ord(letter) < 32 or ord(letter) == 127 for letter in part):
                raise ValueError("a control character in a mailbox name")
            if len(part.encode("utf-8", "surrogatepass")) > 255:
                raise ValueError("a mailbox name that is too long")
        if len(text.encode("utf-8", "surrogatepass")) > 1000:
            raise ValueError("a mailbox name that is too long")
        return cls(tuple(parts))

    @property
    def is_inbox(self) -> bool:
        return self.parts == ("INBOX",)

    @property
    def parent(self) -> MailboxName | None:
        return MailboxName(self.parts[:-1]) if len(self.parts) > 1 else None

    def __str__(self) -> str:
        return "/".join(self.parts)


INBOX = MailboxName(("INBOX",))


@dataclass(frozen=True, slots=True)
class MailboxRef:
    """One mailbox of one owner."""

    owner: AccountId
    name: MailboxName


@dataclass(frozen=True, slots=True)
class Appended:
    """Where a message went (APPENDUID, RFC 4315 §3)."""

    uid: Uid
    uid_validity: UidValidity


@dataclass(frozen=True, slots=True)
class Copied:
    """Where messages went, in pairs of source and target (COPYUID, RFC 4315 §3)."""

    uid_validity: UidValidity
    pairs: tuple[tuple[Uid, Uid], ...]


class MessageFacts(NamedTuple):
    """What the index knows of one message without its content.

    ``size`` is in octets with CRLF line ends (RFC822.SIZE). A tuple, as thousands of them are made
    at a time.
    """

    uid: Uid
    flags: Flags
    mod_seq: ModSeq
    size: int
    internal_date: datetime
    save_date: datetime | None
    email_id: str
    thread_id: str | None


@dataclass(frozen=True, slots=True)
class Added:
    """A message arrived; whether it is recent, ``store.api.Mailbox.recent`` knows."""

    uid: Uid
    flags: Flags
    mod_seq: ModSeq


@dataclass(frozen=True, slots=True)
class FlagsChanged:
    """A message has other flags; ``flags`` are all it has now."""

    uid: Uid
    flags: Flags
    mod_seq: ModSeq


@dataclass(frozen=True, slots=True)
class Expunged:
    """A message is gone for good."""

    uid: Uid
    mod_seq: ModSeq


Change = Added | FlagsChanged | Expunged
