# SPDX-License-Identifier: MIT
"""Whether a message matches what SEARCH asks (RFC 9051 §6.4.4).

Text is found as a substring, in any case, in what a person would read: encoded words and transfer
encodings are decoded first. Keys that the facts answer never open the message.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from operator import itemgetter
from typing import assert_never

from homemail.message.dates import parse_date
from homemail.message.header import Octets, field_bodies
from homemail.message.mime import scan
from homemail.message.text import body_text, header_text
from homemail.message.words import decode_words
from homemail.model.mailbox import Flag, MessageFacts, Uid
from homemail.model.search import (
    All,
    And,
    BodyHas,
    EmailIdIs,
    HasFlag,
    HeaderHas,
    InternalDate,
    Larger,
    ModSeqSince,
    Not,
    Older,
    Or,
    Recent,
    SaveDate,
    SearchKey,
    SentDate,
    Smaller,
    TextHas,
    ThreadIdIs,
    UidIn,
    When,
    Younger,
)


@dataclass(frozen=True, slots=True)
class Moment:
    """What a search knows besides the message: this session's recent ones, and the time."""

    recent: frozenset[Uid]
    now: datetime


class Candidate:
    """A message being looked at; what has to be read and decoded is, at most once.

    ``content`` may have CRLF or LF line ends.
    """

    __slots__ = ("_content", "_header", "_text", "facts")

    def __init__(
        self, facts: MessageFacts, header: Callable[[], bytes], content: Callable[[], Octets]
    ) -> None:
        self.facts = facts
        self._header = header
        self._content = content
        self._text: str | None = None

    def may_name(self, text: str) -> bool:
        """Whether the header can hold ``text`` (case-folded): tells most of them apart quickly.

        A word of it is not cut by folding; where letters may be encoded, nothing is known.
        """
        word = max(text.split(), key=len, default="")
        header = self._header()
        if not word.isascii() or b"=?" in header or not header.isascii():
            return True
        return word.encode("ascii") in header.lower()

    def bodies(self, field_name: bytes) -> list[bytes]:
        """Return the unfolded bodies of the fields of one name (lower case)."""
        return [] if b":" in field_name else field_bodies(self._header(), field_name)

    def header_text(self) -> str:
        """Return the decoded header, case-folded."""
        return header_text(self._header()).casefold()

    def text(self) -> str:
        """Return the decoded text parts, case-folded."""
        if self._text is None:
            octets = self._content()
            self._text = body_text(octets, scan(octets)).casefold()
        return self._text


def matches(key: SearchKey, message: Candidate, moment: Moment) -> bool:
    """Return whether ``message`` is one that ``key``, which is ``prepared``, asks for."""
    facts = message.facts
    match key:
        case All():
            return True
        case Recent():
            return facts.uid in moment.recent
        case UidIn(spans):
            return is_in(spans, facts.uid)
        case HasFlag(flag):
            return Flag(flag) in facts.flags
        case Larger(octets):
            return facts.size > octets
        case Smaller(octets):
            return facts.size < octets
        case ModSeqSince(mod_seq):
            return facts.mod_seq >= mod_seq
        case EmailIdIs(email_id):
            return facts.email_id == email_id
        case ThreadIdIs(thread_id):
            return facts.thread_id == thread_id
        case InternalDate() | SentDate() | SaveDate():
            return _matches_date(key, message)
        case Younger(seconds):
            return _age(facts, moment) <= seconds
        case Older(seconds):
            return _age(facts, moment) > seconds
        case HeaderHas() | BodyHas() | TextHas():
            return _matches_text(key, message)
        case Not(inner):
            return not matches(inner, message, moment)
        case And(keys):
            return all(matches(inner, message, moment) for inner in keys)
        case Or(first, second):
            return matches(first, message, moment) or matches(second, message, moment)
        case _:
            assert_never(key)


def is_in(spans: Sequence[tuple[int, int]], uid: int) -> bool:
    """Return whether one of ``spans``, which ascend and do not overlap, holds ``uid``."""
    at = bisect_right(spans, uid, key=itemgetter(0)) - 1
    return at >= 0 and uid <= spans[at][1]


def merged(spans: Iterable[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    """Return the same spans so that they ascend and do not overlap."""
    found: list[tuple[int, int]] = []
    for low, high in sorted(spans):
        if found and low <= found[-1][1] + 1:
            found[-1] = (found[-1][0], max(high, found[-1][1]))
        else:
            found.append((low, high))
    return tuple(found)


def prepared(key: SearchKey) -> SearchKey:
    """Return a key that asks the same, as ``matches`` wants it.

    What needs no reading is asked first; spans of UIDs ascend.
    """
    match key:
        case UidIn(spans):
            return UidIn(merged(spans))
        case Not(inner):
            return Not(prepared(inner))
        case And(keys):
            return And(tuple(sorted(map(prepared, keys), key=_cost)))
        case Or(first, second):
            return Or(*sorted((prepared(first), prepared(second)), key=_cost))
        case _:
            return key


def _cost(key: SearchKey) -> int:
    match key:
        case BodyHas() | TextHas():
            return 2
        case HeaderHas() | SentDate():
            return 1
        case Not(inner):
            return _cost(inner)
        case And(keys):
            return max(map(_cost, keys), default=0)
        case Or(first, second):
            return max(_cost(first), _cost(second))
        case _:
            return 0


def _age(facts: MessageFacts, moment: Moment) -> float:
    return (moment.now - facts.internal_date).total_seconds()


def _matches_date(key: InternalDate | SentDate | SaveDate, message: Candidate) -> bool:
    day: date | None
    match key:
        case InternalDate():
            day = message.facts.internal_date.date()
        case SaveDate():
            saved = message.facts.save_date
            day = saved.date() if saved else None
        case SentDate():
            day = _sent_day(message)
    if day is None:
        return False
    match key.when:
        case When.BEFORE:
            return day < key.day
        case When.ON:
            return day == key.day
        case When.SINCE:
            return day >= key.day


def _sent_day(message: Candidate) -> date | None:
    moment = next(map(parse_date, message.bodies(b"date")), None)
    return moment.date() if moment else None


def _matches_text(key: HeaderHas | BodyHas | TextHas, message: Candidate) -> bool:
    text = key.text.casefold()
    match key:
        case HeaderHas(field_name):
            if not message.may_name(text):
                return False
            bodies = message.bodies(field_name.encode("utf-8"))
            return any(text in decode_words(body).casefold() for body in bodies)
        case BodyHas():
            return text in message.text()
        case TextHas():
            return text in message.header_text() or text in message.text()
