# SPDX-License-Identifier: MIT
"""SEARCH and UID SEARCH, answered by SEARCH or ESEARCH.

Source: RFC 3501 §6.4.4, RFC 4731 §3, RFC 9051 §6.4.4.
"""

from __future__ import annotations

from array import array
from collections.abc import Collection
from dataclasses import dataclass

from homemail.errors import MailError
from homemail.imap import response
from homemail.imap.extension import Extension
from homemail.imap.grammar import Scanner
from homemail.imap.response import Refusal, Tagged, ok
from homemail.imap.search_keys import SearchReader, asks_mod_seq, names_numbers, resolve
from homemail.imap.selected import Selected
from homemail.imap.session import Session, selected
from homemail.model.mailbox import Uid
from homemail.model.search import All, SearchKey

_BY_NAME = (b"MIN", b"MAX")


@dataclass(frozen=True, slots=True)
class Search:
    """SEARCH; with ``options`` (of RETURN), or in IMAP4rev2, ESEARCH is the answer.

    ``refused``: it cannot be carried out, as the charset is unknown.
    """

    key: SearchKey
    by_uid: bool
    options: tuple[bytes, ...] | None = None
    refused: Tagged | None = None


async def _search(session: Session, view: Selected, command: Search) -> Tagged:
    options = command.options
    if options is None and session.is_rev2:
        options = (b"ALL",)
    saves = b"SAVE" in (options or ())
    try:
        found = await find(session, view, command)
    except (MailError, Refusal) as error:
        if saves and not (isinstance(error, Refusal) and error.answer.kind == b"BAD"):
            view.saved = ()  # RFC 5182 §2.1
        raise
    if options is None:
        numbers = b"".join(b" %d" % number for number in found.numbers(command.by_uid))
        mod_seq = await found.mod_seq(session, view, ())
        tail = b" (MODSEQ %d)" % mod_seq if mod_seq else b""
        session.send(b"* SEARCH%b%b\r\n" % (numbers, tail))
        return ok("Search done")
    if saves:
        view.saved = [uid for _, uid in found.told(options)]
    if options != (b"SAVE",):
        mod_seq = await found.mod_seq(session, view, options)
        session.send(_esearch(session.tag, found, command.by_uid, options, mod_seq))
    return ok("Search done")


def _esearch(
    tag: bytes, found: Found, by_uid: bool, options: tuple[bytes, ...], mod_seq: int
) -> bytes:
    words = [b"* ESEARCH (TAG %b)" % response.quoted(tag)]
    if by_uid:
        words.append(b"UID")
    numbers = found.numbers(by_uid)
    words += [told for option in options if (told := _told(option, numbers))]
    if mod_seq:
        words.append(b"MODSEQ %d" % mod_seq)
    return b" ".join(words) + b"\r\n"


def _told(option: bytes, found: list[int]) -> bytes:
    if option == b"COUNT":
        return b"COUNT %d" % len(found)
    if not found or option == b"SAVE":
        return b""
    if option == b"ALL":
        return b"ALL " + response.number_set(found)
    return b"%b %d" % (option, found[0] if option == b"MIN" else found[-1])


@dataclass(frozen=True, slots=True)
class Found:
    """Pairs of sequence number and UID, ascending, of messages that the client knows of.

    ``asks_mod_seq``: MODSEQ was one of the keys.
    """

    pairs: list[tuple[int, Uid]]
    asks_mod_seq: bool

    def numbers(self, by_uid: bool) -> list[int]:
        return [uid if by_uid else number for number, uid in self.pairs]

    def told(self, options: Collection[bytes]) -> list[tuple[int, Uid]]:
        """Return what ``options`` tell of: the first, the last, both, or all.

        Source: RFC 5182 §2.1, RFC 7162 §3.1.10.
        """
        few = [option for option in _BY_NAME if option in options]
        if not few or b"ALL" in options or b"COUNT" in options:
            return self.pairs
        ends = {b"MIN": self.pairs[:1], b"MAX": self.pairs[-1:]}
        return sorted({pair for option in few for pair in ends[option]})

    async def mod_seq(self, session: Session, view: Selected, options: Collection[bytes]) -> int:
        """Return the highest mod-sequence of what is told; 0 where nobody asks."""
        told = self.told(options)
        if not self.asks_mod_seq or not told:
            return 0
        facts = await session.mail.read(view.mailbox.read_facts, [uid for _, uid in told])
        return max((fact.mod_seq for fact in facts), default=0)


async def find(session: Session, view: Selected, command: Search) -> Found:
    """Return what matches."""
    if command.refused is not None:
        raise Refusal(command.refused)
    key = command.key
    session.names_numbers = names_numbers(key)
    if asks_mod_seq(key):
        session.enable([b"CONDSTORE"])
    uids = await session.mail.read(view.mailbox.read_search, resolve(key, view))
    if view.uids == array("Q", uids):  # all of them
        return Found(list(enumerate(uids, 1)), asks_mod_seq(key))
    pairs = [(number, uid) for uid in uids if (number := view.sequence_number(uid))]
    return Found(pairs, asks_mod_seq(key))


def parse_search(scanner: Scanner, *, by_uid: bool = False) -> Search:
    """Read a search program."""
    scanner.space()
    return Search(SearchReader(scanner).program(), by_uid)


def parse_charset_search(scanner: Scanner, *, by_uid: bool) -> Search:
    """Read a charset, which must be there, and a search program (RFC 5256 §3)."""
    scanner.space()
    try:
        return Search(SearchReader(scanner).program_in_charset(), by_uid)
    except Refusal as refusal:
        scanner.skip_all()
        return Search(All(), by_uid, None, refusal.answer)


SEARCH = Extension(
    grammar={
        b"SEARCH": parse_search,
        b"UID SEARCH": lambda scanner: parse_search(scanner, by_uid=True),
    },
    handlers={Search: selected(_search)},
)
