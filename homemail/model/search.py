# SPDX-License-Identifier: MIT
"""What SEARCH asks (RFC 9051 §6.4.4), as values. Text is decoded already; ``store`` answers.

The keys not listed here are made of these: UNSEEN is ``Not(HasFlag(SEEN))``, NEW is
``And((Recent(), Not(HasFlag(SEEN))))``, FROM is ``HeaderHas("from", text)``. Sequence numbers are
turned into ``UidIn`` by the session, which alone knows them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import Enum

from homemail.model.mailbox import Flag


class When(Enum):
    """How a date compares: BEFORE, ON, SINCE."""

    BEFORE = "before"
    ON = "on"
    SINCE = "since"


@dataclass(frozen=True, slots=True)
class All:
    """Every message."""


@dataclass(frozen=True, slots=True)
class Recent:
    """Messages that this session saw first."""


@dataclass(frozen=True, slots=True)
class UidIn:
    """Messages with these UIDs; spans are inclusive, ``*`` is resolved already."""

    spans: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class HasFlag:
    """Messages with this flag or keyword."""

    flag: Flag


@dataclass(frozen=True, slots=True)
class HeaderHas:
    """A field of this name (lower case) exists and its decoded body contains ``text``."""

    field_name: str
    text: str


@dataclass(frozen=True, slots=True)
class BodyHas:
    """The body contains ``text``."""

    text: str


@dataclass(frozen=True, slots=True)
class TextHas:
    """Header or body contain ``text``."""

    text: str


@dataclass(frozen=True, slots=True)
class InternalDate:
    """Compares the internal date, disregarding time and zone."""

    when: When
    day: date


@dataclass(frozen=True, slots=True)
class SentDate:
    """Compares the Date field, disregarding time and zone."""

    when: When
    day: date


@dataclass(frozen=True, slots=True)
class SaveDate:
    """Compares the save date (RFC 8514)."""

    when: When
    day: date


@dataclass(frozen=True, slots=True)
class Larger:
    """More than ``octets``."""

    octets: int


@dataclass(frozen=True, slots=True)
class Smaller:
    """Fewer than ``octets``."""

    octets: int


@dataclass(frozen=True, slots=True)
class Younger:
    """Internal date within the last ``seconds`` (RFC 5032)."""

    seconds: int


@dataclass(frozen=True, slots=True)
class Older:
    """Internal date not within the last ``seconds`` (RFC 5032)."""

    seconds: int


@dataclass(frozen=True, slots=True)
class ModSeqSince:
    """Mod-sequence of at least ``mod_seq`` (RFC 7162 §3.1.5)."""

    mod_seq: int


@dataclass(frozen=True, slots=True)
class EmailIdIs:
    """RFC 8474 §6."""

    email_id: str


@dataclass(frozen=True, slots=True)
class ThreadIdIs:
    """RFC 8474 §6."""

    thread_id: str


@dataclass(frozen=True, slots=True)
class Not:
    """Messages that do not match ``key``."""

    key: SearchKey


@dataclass(frozen=True, slots=True)
class And:
    """Messages that match every key."""

    keys: tuple[SearchKey, ...]


@dataclass(frozen=True, slots=True)
class Or:
    """Messages that match one key or the other."""

    first: SearchKey
    second: SearchKey


SearchKey = (
    All
    | Recent
    | UidIn
    | HasFlag
    | HeaderHas
    | BodyHas
    | TextHas
    | InternalDate
    | SentDate
    | SaveDate
    | Larger
    | Smaller
    | Younger
    | Older
    | ModSeqSince
    | EmailIdIs
    | ThreadIdIs
    | Not
    | And
    | Or
)
