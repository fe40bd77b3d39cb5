# SPDX-License-Identifier: MIT
"""The keys of SEARCH, read into the values of ``model.search``.

Source: RFC 3501 §6.4.4.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from homemail.imap.grammar import Scanner, SyntaxTrouble
from homemail.imap.response import Refusal, no
from homemail.imap.selected import Selected
from homemail.model.mailbox import ANSWERED, DELETED, DRAFT, FLAGGED, SEEN, Flag, SequenceSet
from homemail.model.search import (
    All,
    And,
    BodyHas,
    HasFlag,
    HeaderHas,
    InternalDate,
    Larger,
    ModSeqSince,
    Not,
    Or,
    Recent,
    SearchKey,
    SentDate,
    Smaller,
    TextHas,
    UidIn,
    When,
)

MOST_KEYS = 1000

_CHARSETS = {b"US-ASCII": "ascii", b"UTF-8": "utf-8", b"ISO-8859-1": "iso-8859-1"}


@dataclass(frozen=True, slots=True)
class Numbered(UidIn):
    """Messages by numbers that only the session can turn into UIDs (``resolve``)."""

    numbers: SequenceSet
    by_uid: bool


def resolve(key: SearchKey, view: Selected) -> SearchKey:
    """Return ``key`` with every sequence set as UIDs.

    Raises:
        Refusal: a sequence number that no message has.
    """
    match key:
        case Numbered(_, numbers, by_uid):
            return UidIn(view.uid_spans(numbers, by_uid=by_uid))
        case Not(inner):
            return Not(resolve(inner, view))
        case And(keys):
            return And(tuple(resolve(one, view) for one in keys))
        case Or(first, second):
            return Or(resolve(first, view), resolve(second, view))
        case _:
            return key


def asks_mod_seq(key: SearchKey) -> bool:
    """Whether MODSEQ is one of the keys: the answer then tells mod-sequences, too."""
    return any(isinstance(one, ModSeqSince) for one in _plain(key))


def names_numbers(key: SearchKey) -> bool:
    """Whether a sequence number is one of the keys: no EXPUNGE may come meanwhile."""
    return any(isinstance(one, Numbered) and not one.by_uid for one in _plain(key))


def _plain(key: SearchKey) -> Iterator[SearchKey]:
    """Yield the keys that ``key`` is made of."""
    match key:
        case Not(inner):
            yield from _plain(inner)
        case And(keys):
            for one in keys:
                yield from _plain(one)
        case Or(first, second):
            yield from _plain(first)
            yield from _plain(second)
        case _:
            yield key


class SearchReader:
    """Reads a search program: keys parted by spaces, all of which must match."""

    def __init__(self, scanner: Scanner) -> None:
        self._scanner = scanner
        self._left = MOST_KEYS
        self._charset = "utf-8"

    def program(self) -> SearchKey:
        """Return the key of ``[CHARSET name SP] key *(SP key)``.

        Raises:
            Refusal: with BADCHARSET.
        """
        if self._scanner.accept(b"CHARSET "):
            if self._scanner.utf8:
                raise SyntaxTrouble("CHARSET has no place where everything is UTF-8")
            return self.program_in_charset()
        return self._keys()

    def program_in_charset(self) -> SearchKey:
        """Return the key of ``name SP key *(SP key)``, as SORT and THREAD have it.

        Raises:
            Refusal: with BADCHARSET.
        """
        self._charset = self._known_charset(self._scanner.astring())
        self._scanner.space()
        return self._keys()

    def _keys(self) -> SearchKey:
        keys = [self._key()]
        while self._scanner.accept(b" "):
            keys.append(self._key())
        return keys[0] if len(keys) == 1 else And(tuple(keys))

    @staticmethod
    def _known_charset(name: bytes) -> str:
        known = _CHARSETS.get(name.upper())
        if known is None:
            raise Refusal(no("Unknown charset", b"BADCHARSET (UTF-8 US-ASCII ISO-8859-1)"))
        return known

    def _key(self) -> SearchKey:
        scanner = self._scanner
        self._left -= 1
        if self._left < 0:
            raise SyntaxTrouble("Too many search keys")
        if scanner.peek(b"("):
            return And(tuple(scanner.parenthesized(self._key)))
        if scanner.peek(b"*") or scanner.peek(b"$") or scanner.peek_digit():
            return Numbered((), scanner.sequence_set(), False)
        return self._word(scanner.word())

    def _word(self, word: bytes) -> SearchKey:
        scanner = self._scanner
        if word in _PLAIN:
            return _PLAIN[word]
        if word in scanner.vocabulary.search_keys:
            return scanner.vocabulary.search_keys[word](scanner)
        if not scanner.peek(b" "):
            raise SyntaxTrouble("Unknown search key, or one without its argument")
        scanner.space()
        if word == b"NOT":
            return Not(self._nested())
        if word == b"OR":
            first = self._nested()
            scanner.space()
            return Or(first, self._nested())
        if word in (b"KEYWORD", b"UNKEYWORD"):
            has = HasFlag(Flag(scanner.atom().decode("ascii")))
            return has if word == b"KEYWORD" else Not(has)
        if word == b"UID":
            return Numbered((), scanner.sequence_set(), True)
        return self._comparison(word)

    def _nested(self) -> SearchKey:
        self._scanner.deeper()
        key = self._key()
        self._scanner.shallower()
        return key

    def _comparison(self, word: bytes) -> SearchKey:
        scanner = self._scanner
        if word in _FIELDS:
            return HeaderHas(word.decode("ascii").lower(), self._text())
        if word == b"HEADER":
            name = scanner.astring().decode("ascii", "replace").lower()
            scanner.space()
            return HeaderHas(name, self._text())
        if word == b"BODY":
            return BodyHas(self._text())
        if word == b"TEXT":
            return TextHas(self._text())
        if word in _DATES:
            return _DATES[word](scanner)
        if word == b"LARGER":
            return Larger(scanner.number())
        if word == b"SMALLER":
            return Smaller(scanner.number())
        raise SyntaxTrouble("Unknown search key")

    def _text(self) -> str:
        octets = self._scanner.astring()
        try:
            return octets.decode(self._charset)
        except UnicodeDecodeError:
            raise SyntaxTrouble("The text is not in its charset") from None


_FIELDS = frozenset({b"BCC", b"CC", b"FROM", b"SUBJECT", b"TO"})

_PLAIN: dict[bytes, SearchKey] = {
    b"ALL": All(),
    b"ANSWERED": HasFlag(ANSWERED),
    b"DELETED": HasFlag(DELETED),
    b"DRAFT": HasFlag(DRAFT),
    b"FLAGGED": HasFlag(FLAGGED),
    b"SEEN": HasFlag(SEEN),
    b"UNANSWERED": Not(HasFlag(ANSWERED)),
    b"UNDELETED": Not(HasFlag(DELETED)),
    b"UNDRAFT": Not(HasFlag(DRAFT)),
    b"UNFLAGGED": Not(HasFlag(FLAGGED)),
    b"UNSEEN": Not(HasFlag(SEEN)),
    b"RECENT": Recent(),
    b"NEW": And((Recent(), Not(HasFlag(SEEN)))),
    b"OLD": Not(Recent()),
}


def _date_key(
    kind: type[InternalDate] | type[SentDate], when: When
) -> Callable[[Scanner], SearchKey]:
    return lambda scanner: kind(when, scanner.date())


_DATES: dict[bytes, Callable[[Scanner], SearchKey]] = {
    b"BEFORE": _date_key(InternalDate, When.BEFORE),
    b"ON": _date_key(InternalDate, When.ON),
    b"SINCE": _date_key(InternalDate, When.SINCE),
    b"SENTBEFORE": _date_key(SentDate, When.BEFORE),
    b"SENTON": _date_key(SentDate, When.ON),
    b"SENTSINCE": _date_key(SentDate, When.SINCE),
}
