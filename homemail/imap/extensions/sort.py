# SPDX-License-Identifier: MIT
"""SORT and UID SORT (RFC 5256 §3)."""

from __future__ import annotations

from dataclasses import dataclass

from homemail.imap.commands.search import Search, find, parse_charset_search
from homemail.imap.extension import Extension
from homemail.imap.grammar import Scanner, SyntaxTrouble
from homemail.imap.response import Tagged, ok
from homemail.imap.selected import Selected
from homemail.imap.session import Session, selected
from homemail.imap.sort_keys import ARRIVAL, CC, DATE, FROM, SIZE, SUBJECT, TO, SortKey, read_column
from homemail.model.mailbox import Uid

MOST_CRITERIA = 20

Criterion = tuple[SortKey, bool]
"""What is sorted by, and whether in reverse."""


@dataclass(frozen=True, slots=True)
class Sort:
    """SORT."""

    criteria: tuple[Criterion, ...]
    search: Search


async def _sort(session: Session, view: Selected, command: Sort) -> Tagged:
    found = await find(session, view, command.search)
    uids = [uid for _, uid in found.pairs]
    places = await session.mail.read(sorted_places, view, uids, command.criteria)
    numbers = found.numbers(command.search.by_uid)
    session.send(b"* SORT%b\r\n" % b"".join([b" %d" % numbers[place] for place in places]))
    return ok("Messages sorted")


def sorted_places(view: Selected, uids: list[Uid], criteria: tuple[Criterion, ...]) -> list[int]:
    """Return the places of ``uids`` in order; those that are alike stay in order of UID."""
    places = list(range(len(uids)))
    for key, is_reversed in reversed(criteria):
        column = read_column(view, uids, key)
        places.sort(key=column.__getitem__, reverse=is_reversed)
    return places


def _parse(scanner: Scanner, *, by_uid: bool = False) -> Sort:
    scanner.space()
    criteria = tuple(scanner.parenthesized(lambda: _criterion(scanner)))
    if len(criteria) > MOST_CRITERIA:
        raise SyntaxTrouble("Too many sort criteria")
    return Sort(criteria, parse_charset_search(scanner, by_uid=by_uid))


def _criterion(scanner: Scanner) -> Criterion:
    word, is_reversed = scanner.word(), False
    if word == b"REVERSE":
        scanner.space()
        word, is_reversed = scanner.word(), True
    key = scanner.vocabulary.sort_keys.get(word)
    if key is None:
        raise SyntaxTrouble("Unknown sort criterion")
    return key, is_reversed


SORT = Extension(
    capability=b"SORT",
    grammar={b"SORT": _parse, b"UID SORT": lambda scanner: _parse(scanner, by_uid=True)},
    handlers={Sort: selected(_sort)},
    sort_keys={
        b"ARRIVAL": ARRIVAL,
        b"CC": CC,
        b"DATE": DATE,
        b"FROM": FROM,
        b"SIZE": SIZE,
        b"SUBJECT": SUBJECT,
        b"TO": TO,
    },
)
