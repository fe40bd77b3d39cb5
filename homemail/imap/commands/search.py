# SPDX-License-Identifier: MIT
"""SEARCH and UID SEARCH (RFC 3501 §6.4.4)."""

from __future__ import annotations

from dataclasses import dataclass

from homemail.imap.extension import Extension
from homemail.imap.grammar import Scanner
from homemail.imap.response import Tagged, ok
from homemail.imap.search_keys import SearchReader, resolve
from homemail.imap.selected import Selected
from homemail.imap.session import Session, selected
from homemail.model.search import SearchKey


@dataclass(frozen=True, slots=True)
class Search:
    """SEARCH."""

    key: SearchKey
    by_uid: bool


async def _search(session: Session, view: Selected, command: Search) -> Tagged:
    found = await find(session, view, command.key, by_uid=command.by_uid)
    session.send(b"* SEARCH%b\r\n" % b"".join(b" %d" % number for number in found))
    return ok("Search done")


async def find(session: Session, view: Selected, key: SearchKey, *, by_uid: bool) -> list[int]:
    """Return UIDs or sequence numbers, ascending, of those that the client knows of."""
    uids = await session.mail.read(view.mailbox.read_search, resolve(key, view))
    known = ((uid, view.sequence_number(uid)) for uid in uids)
    return [uid if by_uid else number for uid, number in known if number]


def _parse(scanner: Scanner, *, by_uid: bool = False) -> Search:
    scanner.space()
    return Search(SearchReader(scanner).program(), by_uid)


SEARCH = Extension(
    grammar={b"SEARCH": _parse, b"UID SEARCH": lambda scanner: _parse(scanner, by_uid=True)},
    handlers={Search: selected(_search)},
)
