# SPDX-License-Identifier: MIT
"""ESEARCH: SEARCH RETURN (MIN MAX ALL COUNT) (RFC 4731 §3)."""

from __future__ import annotations

from dataclasses import dataclass

from homemail.imap import response
from homemail.imap.commands.search import Search, find, parse_search
from homemail.imap.extension import Extension
from homemail.imap.grammar import Scanner, SyntaxTrouble
from homemail.imap.response import Tagged, ok
from homemail.imap.search_keys import SearchReader
from homemail.imap.selected import Selected
from homemail.imap.session import Session, selected
from homemail.model.search import SearchKey

OPTIONS = (b"MIN", b"MAX", b"COUNT", b"ALL")


@dataclass(frozen=True, slots=True)
class ExtendedSearch:
    """SEARCH RETURN."""

    key: SearchKey
    by_uid: bool
    options: tuple[bytes, ...]


async def _search(session: Session, view: Selected, command: ExtendedSearch) -> Tagged:
    found = await find(session, view, command.key)
    numbers = found.numbers(command.by_uid)
    words = [b'* ESEARCH (TAG "%b")' % session.tag]
    if command.by_uid:
        words.append(b"UID")
    words += [told for option in command.options if (told := _told(option, numbers))]
    if found.mod_seq:
        words.append(b"MODSEQ %d" % found.mod_seq)
    session.send(b" ".join(words) + b"\r\n")
    return ok("Search done")


def _told(option: bytes, found: list[int]) -> bytes:
    if option == b"COUNT":
        return b"COUNT %d" % len(found)
    if not found:
        return b""
    if option == b"ALL":
        return b"ALL " + response.number_set(found)
    return b"%b %d" % (option, min(found) if option == b"MIN" else max(found))


def _parse(scanner: Scanner, *, by_uid: bool = False) -> Search | ExtendedSearch:
    if not scanner.peek(b" RETURN "):
        return parse_search(scanner, by_uid=by_uid)
    scanner.expect(b" RETURN ")
    options = scanner.parenthesized(scanner.word, empty=True)
    if any(option not in OPTIONS for option in options):
        raise SyntaxTrouble("Unknown result option")
    scanner.space()
    key = SearchReader(scanner).program()
    return ExtendedSearch(key, by_uid, tuple(dict.fromkeys(options or [b"ALL"])))


ESEARCH = Extension(
    capability=b"ESEARCH",
    grammar={b"SEARCH": _parse, b"UID SEARCH": lambda scanner: _parse(scanner, by_uid=True)},
    handlers={ExtendedSearch: selected(_search)},
)
