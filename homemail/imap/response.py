# SPDX-License-Identifier: MIT
"""What the server says: the forms of values on the wire, and the tagged answers.

Source: RFC 3501 §7, RFC 5530 §3.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from homemail.model.mailbox import Flag, Flags, MailboxName
from homemail.store import utf7

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


@dataclass(frozen=True, slots=True)
class Tagged:
    """The end of a command: ``kind`` is OK, NO or BAD; ``code`` stands in brackets."""

    kind: bytes
    text: str
    code: bytes = b""

    def line(self, tag: bytes) -> bytes:
        code = b"[%b] " % self.code if self.code else b""
        text = " ".join(self.text.split()).encode("ascii", "replace")
        return b"%b %b %b%b\r\n" % (tag, self.kind, code, text)


def ok(text: str, code: bytes = b"") -> Tagged:
    """Return the answer that a command was carried out."""
    return Tagged(b"OK", text, code)


def no(text: str, code: bytes = b"") -> Tagged:
    """Return the answer that it could not be."""
    return Tagged(b"NO", text, code)


def bad(text: str, code: bytes = b"") -> Tagged:
    """Return the answer that it was not understood, or came out of place."""
    return Tagged(b"BAD", text, code)


class Refusal(Exception):
    """A command ends here, with this answer."""

    def __init__(self, answer: Tagged) -> None:
        super().__init__(answer.text)
        self.answer = answer


def mailbox(name: MailboxName | str, *, utf8: bool = False) -> bytes:
    """Return a mailbox's name as a quoted string: in UTF-8, or in modified UTF-7."""
    if utf8:
        return quoted(str(name).encode("utf-8", "replace"))
    return quoted(utf7.encode(str(name)).encode("ascii"))


def quoted(octets: bytes) -> bytes:
    """Return a quoted string; ``octets`` hold no line end and no NUL."""
    return b'"' + octets.replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'"'


def literal(octets: bytes) -> bytes:
    """Return octets as a literal."""
    return b"{%d}\r\n%b" % (len(octets), octets) if octets else b'""'


def flags(values: Iterable[Flag]) -> bytes:
    r"""Return a list of flags in parentheses: system flags first, in one order."""
    ordered = sorted(values, key=lambda flag: (not flag.is_system, flag.casefold()))
    return b"(" + " ".join(ordered).encode("ascii") + b")"


class FlagLists:
    """Remembers the wire form of sets of flags: a mailbox has few different ones."""

    def __init__(self) -> None:
        self._known: dict[tuple[Flags, bool], bytes] = {}

    def get(self, values: Flags, recent: bool) -> bytes:
        key = (values, recent)
        known = self._known.get(key)
        if known is None:
            known = flags(values | {RECENT} if recent else values)
            if len(self._known) < 4096:
                self._known[key] = known
        return known


RECENT = Flag("\\Recent")


def date_time(when: datetime) -> bytes:
    """Return a date as INTERNALDATE shows it; one that knows no zone is UTC."""
    if when.tzinfo is None:
        when = when.replace(tzinfo=UTC)
    minutes = int((when.utcoffset() or UTC.utcoffset(None)).total_seconds()) // 60
    sign = "-" if minutes < 0 else "+"
    hours, rest = divmod(abs(minutes), 60)
    text = (
        f'"{when.day:2d}-{_MONTHS[when.month - 1]}-{when.year:04d} '
        f'{when.hour:02d}:{when.minute:02d}:{when.second:02d} {sign}{hours:02d}{rest:02d}"'
    )
    return text.encode("ascii")


def number_set(numbers: Sequence[int]) -> bytes:
    """Return ascending numbers as a sequence set: ``1:3,7``."""
    parts: list[str] = []
    first = last = 0
    for number in numbers:
        if number == last + 1 and first:
            last = number
            continue
        if first:
            parts.append(_span(first, last))
        first = last = number
    if first:
        parts.append(_span(first, last))
    return ",".join(parts).encode("ascii")


def _span(first: int, last: int) -> str:
    return str(first) if first == last else f"{first}:{last}"
