# SPDX-License-Identifier: MIT
"""The words of IMAP's grammar: reads the arguments of one whole command from left to right.

What is wrong is raised as ``SyntaxTrouble`` and becomes ``BAD`` in one place (``session``).

Source: RFC 3501 §9.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from typing import TYPE_CHECKING, TypeVar

from homemail.imap.connection import Literal, RawCommand
from homemail.model.mailbox import SYSTEM_FLAGS, Flag, MailboxName, SequenceSet
from homemail.model.message import read_all
from homemail.store import utf7

if TYPE_CHECKING:
    from homemail.imap.extension import Vocabulary

T = TypeVar("T")

MAX_NESTING = 100

_ATOM = re.compile(rb"[^\x00-\x20\x7f-\xff(){%*\"\\\]]+")
_ASTRING = re.compile(rb"[^\x00-\x20\x7f-\xff(){%*\"\\]+")
_LIST_MAILBOX = re.compile(rb"[^\x00-\x20\x7f(){\"\\]+")
_QUOTED = re.compile(rb'"((?:[^"\\\r\n\x00]|\\["\\])*)"')
_NUMBER = re.compile(rb"[0-9]{1,19}")
_SET = re.compile(rb"(?:\*|[1-9][0-9]{0,9})(?:[:,](?:\*|[1-9][0-9]{0,9}))*")
_FLAG = re.compile(rb"\\?[^\x00-\x20\x7f-\xff(){%*\"\\\]]+")
_DATE = re.compile(rb'("?)([0-9]{1,2})-([A-Za-z]{3})-([0-9]{4})\1')
_DATE_TIME = re.compile(
    rb'"([ 0-9][0-9])-([A-Za-z]{3})-([0-9]{4}) ([0-9]{2}):([0-9]{2}):([0-9]{2}) '
    rb'([+-])([0-9]{2})([0-9]{2})"'
)
_NOT_IN_NAMES = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")  # RFC 6855 §3
_SPELLING = {flag: flag for flag in SYSTEM_FLAGS}
_MONTHS = b"jan feb mar apr may jun jul aug sep oct nov dec".split()


@dataclass(frozen=True, slots=True)
class SavedResult(SequenceSet):
    """``$``: what the last SEARCH has saved (RFC 5182 §2.1); only the selected mailbox knows."""


SAVED = SavedResult(())


class SyntaxTrouble(Exception):
    """The arguments are not as the grammar wants them; the text is safe for the client."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text


class Scanner:
    """The arguments of a command that are still to be read.

    ``vocabulary``: the words that extensions brought. ``utf8``: mailbox names come in UTF-8
    (RFC 9051 §5.1, RFC 6855 §3), not in modified UTF-7.
    """

    def __init__(self, raw: RawCommand, vocabulary: Vocabulary, *, utf8: bool = False) -> None:
        self.vocabulary = vocabulary
        self.utf8 = utf8
        self._lines = raw.lines
        self._literals = raw.literals
        self._index = 0
        self._line = raw.lines[0]
        self._at = raw.start
        self._depth = 0

    # --- what stands next

    def at_end(self) -> bool:
        return self._at == len(self._line) and self._index == len(self._lines) - 1

    def peek(self, text: bytes) -> bool:
        """Whether ``text`` (upper case) stands next."""
        return self._line[self._at : self._at + len(text)].upper() == text

    def peek_digit(self) -> bool:
        return self._line[self._at : self._at + 1].isdigit()

    def accept(self, text: bytes) -> bool:
        """Pass over ``text`` (upper case) if it stands next."""
        if self.peek(text):
            self._at += len(text)
            return True
        return False

    def expect(self, text: bytes) -> None:
        if not self.accept(text):
            raise SyntaxTrouble(f"Expected {text.decode()!r}")

    def space(self) -> None:
        if not self.accept(b" "):
            raise SyntaxTrouble("Expected a space")

    def accept_list(self) -> bool:
        """Pass over the space before a list in parentheses, if there is one."""
        return self.peek(b" (") and self.accept(b" ")

    def skip_all(self) -> None:
        """Pass over all arguments."""
        self._index = len(self._lines) - 1
        self._line = self._lines[self._index]
        self._at = len(self._line)

    def end(self) -> None:
        # Some clients leave spaces behind their last argument.
        while self.accept(b" "):
            pass
        if not self.at_end():
            raise SyntaxTrouble("Too many arguments")

    def match(self, pattern: re.Pattern[bytes]) -> re.Match[bytes] | None:
        found = pattern.match(self._line, self._at)
        if found:
            self._at = found.end()
        return found

    def need(self, pattern: re.Pattern[bytes], what: str) -> re.Match[bytes]:
        found = self.match(pattern)
        if not found:
            raise SyntaxTrouble(f"Expected {what}")
        return found

    # --- words

    def atom(self) -> bytes:
        return self.need(_ATOM, "an atom")[0]

    def word(self) -> bytes:
        """Return an atom in upper case."""
        return self.atom().upper()

    def number(self) -> int:
        return int(self.need(_NUMBER, "a number")[0])

    def string(self) -> bytes:
        """Return a quoted string or literal."""
        quoted = self.match(_QUOTED)
        if quoted:
            return _unescape(quoted[1])
        return read_all(self.literal().content)

    def literal(self) -> Literal:
        rest = self._line[self._at :]
        if not rest.startswith((b"{", b"~{")) or self._index >= len(self._literals):
            raise SyntaxTrouble("Expected a string")
        if rest.index(b"}") != len(rest) - 1:
            raise SyntaxTrouble("Expected a string")
        literal = self._literals[self._index]
        self._index += 1
        self._line, self._at = self._lines[self._index], 0
        return literal

    def astring(self) -> bytes:
        plain = self.match(_ASTRING)
        return plain[0] if plain else self.string()

    def text(self) -> str:
        """Return an astring that must be UTF-8."""
        return decode_utf8(self.astring())

    # --- mailboxes

    def mailbox(self) -> MailboxName:
        """Return a mailbox's name; one ``/`` at its end is not part of it (RFC 3501 §6.3.3)."""
        text = self._mailbox_text(self.astring())
        try:
            return MailboxName.parse(text.removesuffix("/"))
        except ValueError as error:
            raise BadName(f"The name is refused: {error}") from None

    def mailbox_prefix(self) -> str:
        """Return LIST's reference: any text."""
        return self._mailbox_text(self.astring())

    def list_mailbox(self) -> str:
        r"""Return a pattern of LIST, with its ``*`` and ``%``."""
        plain = self.match(_LIST_MAILBOX)
        return self._mailbox_text(plain[0] if plain else self.string())

    def _mailbox_text(self, octets: bytes) -> str:
        if self.utf8:
            text = decode_utf8(octets)
            if _NOT_IN_NAMES.search(text):
                raise BadName("The mailbox name has a control character")
            return text
        try:
            return utf7.decode(octets.decode("ascii"))
        except ValueError:
            raise BadName("The mailbox name is not modified UTF-7") from None

    # --- numbers, flags, dates

    def sequence_set(self) -> SequenceSet:
        if b"SAVE" in self.vocabulary.result_options and self.accept(b"$"):
            return SAVED
        written = self.need(_SET, "a sequence set")[0]
        ranges = []
        for part in written.split(b","):
            numbers = [_set_number(number) for number in part.split(b":")]
            if len(numbers) > 2:
                raise SyntaxTrouble("Expected a sequence set")
            ranges.append((numbers[0], numbers[-1]))
        return SequenceSet(tuple(ranges))

    def flag(self) -> Flag:
        written = Flag(self.need(_FLAG, "a flag")[0].decode("ascii"))
        return _SPELLING.get(written, written)

    def flags(self) -> frozenset[Flag]:
        """Return a list of flags in parentheses; it may be empty."""
        return frozenset(self.parenthesized(self.flag, empty=True))

    def date(self) -> date:
        found = self.need(_DATE, "a date such as 1-Feb-1994")
        try:
            return date(int(found[4]), _month(found[3]), int(found[2]))
        except ValueError:
            raise SyntaxTrouble("No such date") from None

    def date_time(self) -> datetime:
        found = self.need(_DATE_TIME, "a date and time")
        zone = timedelta(hours=int(found[8]), minutes=int(found[9]))
        try:
            return datetime(
                int(found[3]),
                _month(found[2]),
                int(found[1]),
                int(found[4]),
                int(found[5]),
                min(int(found[6]), 59),  # a leap second
                tzinfo=timezone(-zone if found[7] == b"-" else zone),
            )
        except ValueError:
            raise SyntaxTrouble("No such date") from None

    # --- lists

    def parenthesized(self, item: Callable[[], T], *, empty: bool = False) -> list[T]:
        """Return what ``item`` reads, from a list in parentheses, parted by spaces."""
        self.expect(b"(")
        self.deeper()
        items: list[T] = []
        if not (empty and self.peek(b")")):
            items.append(item())
            while self.accept(b" "):
                items.append(item())
        self.expect(b")")
        self.shallower()
        return items

    def deeper(self) -> None:
        self._depth += 1
        if self._depth > MAX_NESTING:
            raise SyntaxTrouble("Too many parentheses")

    def shallower(self) -> None:
        self._depth -= 1


class BadName(SyntaxTrouble):
    """A mailbox name that cannot be one: the client is told NO [CANNOT] instead of BAD."""


def decode_utf8(octets: bytes) -> str:
    """Return text; US-ASCII is a part of UTF-8."""
    try:
        return octets.decode("utf-8")
    except UnicodeDecodeError:
        raise SyntaxTrouble("Expected text in UTF-8") from None


def _unescape(quoted: bytes) -> bytes:
    return re.sub(rb"\\(.)", rb"\1", quoted) if b"\\" in quoted else quoted


def _set_number(text: bytes) -> int | None:
    number = None if text == b"*" else int(text)
    if number is not None and number >= 2**32:
        raise SyntaxTrouble("A number above 4294967295")
    return number


def _month(name: bytes) -> int:
    return _MONTHS.index(name.lower()) + 1  # ValueError: no such date
