# SPDX-License-Identifier: MIT
"""Whether a message matches what SEARCH asks (RFC 9051 §6.4.4).

Text is found as a substring, in any case, in what a person would read: encoded words and transfer
encodings are decoded first. Keys that the facts answer never open the message.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from typing import assert_never

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
    """A message being looked at; what has to be read and decoded is, at most once."""

    __slots__ = ("_content", "_fields", "_header", "_text", "facts")

    def __init__(
        self, facts: MessageFacts, header: Callable[[], bytes], content: Callable[[], bytes]
    ) -> None:
        self.facts = facts
        self._header = header
        self._content = content
        self._fields: list[tuple[str, str]] | None = None
        self._text: str | None = None

    def fields(self) -> list[tuple[str, str]]:
        """Return the header's fields: name in lower case, decoded body case-folded."""
        if self._fields is None:
            self._fields = decoded_fields(self._header())
        return self._fields

    def text(self) -> str:
        """Return the decoded text parts, case-folded."""
        if self._text is None:
            self._text = decoded_body(self._content()).casefold()
        return self._text


def matches(key: SearchKey, message: Candidate, moment: Moment) -> bool:
    """Return whether ``message`` is one that ``key`` asks for."""
    facts = message.facts
    match key:
        case All():
            return True
        case Recent():
            return facts.uid in moment.recent
        case UidIn(spans):
            return any(low <= facts.uid <= high for low, high in spans)
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


def cheapest_first(key: SearchKey) -> SearchKey:
    """Return a key that asks the same, with what needs no reading asked first."""
    match key:
        case Not(inner):
            return Not(cheapest_first(inner))
        case And(keys):
            return And(tuple(sorted(map(cheapest_first, keys), key=_cost)))
        case Or(first, second):
            return Or(*sorted((cheapest_first(first), cheapest_first(second)), key=_cost))
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
    return next((day_of(body) for name, body in message.fields() if name == "date"), None)


def _matches_text(key: HeaderHas | BodyHas | TextHas, message: Candidate) -> bool:
    text = key.text.casefold()
    match key:
        case HeaderHas(field_name):
            return any(n == field_name and text in body for n, body in message.fields())
        case BodyHas():
            return text in message.text()
        case TextHas():
            in_header = any(text in f"{name}: {body}" for name, body in message.fields())
            return in_header or text in message.text()


def decoded_fields(header: bytes) -> list[tuple[str, str]]:
    """Return the fields of a header, names in lower case, bodies decoded and case-folded."""
    text = header.decode("utf-8", "replace").replace("\r\n ", " ").replace("\r\n\t", " ")
    pairs = (line.partition(":") for line in text.split("\r\n"))
    return [(name.strip().lower(), body.strip().casefold()) for name, colon, body in pairs if colon]


def decoded_body(octets: bytes) -> str:
    """Return the text of a message's text parts."""
    return octets.partition(b"\r\n\r\n")[2].decode("utf-8", "replace")


def day_of(text: str) -> date | None:
    """Return the day that a Date field names, disregarding its zone."""
    match = _DAY.search(text)
    if not match:
        return None
    try:
        year = int(match[3])
        year += 0 if len(match[3]) > 3 else 1900 if len(match[3]) == 3 or year > 49 else 2000
        return date(year, _MONTHS.index(match[2].lower()) + 1, int(match[1]))
    except ValueError:
        return None


_DAY = re.compile(r"\b(\d{1,2})\s+([a-z]{3})\s+(\d{2,4})\b", re.IGNORECASE)
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
