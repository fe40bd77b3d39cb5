# SPDX-License-Identifier: MIT
"""SEARCH and UID SEARCH (RFC 3501 §6.4.4)."""

from __future__ import annotations

from dataclasses import dataclass

from homemail.imap.extension import Extension
from homemail.imap.grammar import Scanner
from homemail.imap.response import Tagged, ok
from homemail.imap.search_keys import SearchReader, asks_mod_seq, resolve
from homemail.imap.selected import Selected
from homemail.imap.session import Session, selected
from homemail.model.mailbox import Uid
from homemail.model.search import SearchKey


@dataclass(frozen=True, slots=True)
class Search:
    """SEARCH."""

    key: SearchKey
    by_uid: bool


async def _search(session: Session, view: Selected, command: Search) -> Tagged:
    found = await find(session, view, command.key)
    numbers = b"".join(b" %d" % number for number in found.numbers(command.by_uid))
    tail = b" (MODSEQ %d)" % found.mod_seq if found.mod_seq else b""
    session.send(b"* SEARCH%b%b\r\n" % (numbers, tail))
    return ok("Search done")


@dataclass(frozen=True, slots=True)
class Found:
    """Pairs of sequence number and UID, ascending, of messages that the client knows of.

    ``mod_seq`` is the highest of theirs where MODSEQ was asked for, else 0.
    """

    pairs: list[tuple[int, Uid]]
    mod_seq: int

    def numbers(self, by_uid: bool) -> list[int]:
        return [uid if by_uid else number for number, uid in self.pairs]


async def find(session: Session, view: Selected, key: SearchKey) -> Found:
    """Return what matches."""
    uids = await session.mail.read(view.mailbox.read_search, resolve(key, view))
    pairs = [(number, uid) for uid in uids if (number := view.sequence_number(uid))]
    mod_seq = 0
    if pairs and asks_mod_seq(key):
        session.enabled.add(b"CONDSTORE")
        facts = await session.mail.read(view.mailbox.read_facts, [uid for _, uid in pairs])
        mod_seq = max((fact.mod_seq for fact in facts), default=0)
    return Found(pairs, mod_seq)


def parse_search(scanner: Scanner, *, by_uid: bool = False) -> Search:
    """Read a search program."""
    scanner.space()
    return Search(SearchReader(scanner).program(), by_uid)


SEARCH = Extension(
    grammar={
        b"SEARCH": parse_search,
        b"UID SEARCH": lambda scanner: parse_search(scanner, by_uid=True),
    },
    handlers={Search: selected(_search)},
)
