# SPDX-License-Identifier: MIT
"""CONDSTORE: mod-sequences say what has changed, and keep two clients from overwriting.

Source: RFC 7162 §3.1.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

from homemail.imap.commands.fetch import Fetch, parse_fetch
from homemail.imap.commands.store import Store, parse_change
from homemail.imap.extension import Extension, FetchModifier
from homemail.imap.fetch_items import FactItem
from homemail.imap.grammar import Scanner, SyntaxTrouble
from homemail.imap.response import Tagged
from homemail.imap.selected import Selected
from homemail.imap.session import Session
from homemail.model.mailbox import ModSeq
from homemail.model.search import ModSeqSince, SearchKey

MODSEQ = FactItem(b"MODSEQ", lambda facts: b"(%d)" % facts.mod_seq)


@dataclass(frozen=True, slots=True)
class Aware:
    """A command that shows that the client knows of mod-sequences (RFC 7162 §3.1)."""

    command: Any


async def _aware(session: Session, command: Aware) -> Tagged:
    session.enable([b"CONDSTORE"])
    inner = command.command
    return await session.vocabulary.handlers[type(inner)](session, inner)


class _Option:
    """SELECT name (CONDSTORE)."""

    def begin(self, session: Session) -> None:
        session.enable([b"CONDSTORE"])

    async def finish(self, session: Session, view: Selected) -> None:
        """HIGHESTMODSEQ is told to everybody."""


def parse_mod_seq(scanner: Scanner) -> ModSeq:
    """Read a mod-sequence."""
    number = scanner.number()
    if number >= 2**63:
        raise SyntaxTrouble("Expected a mod-sequence")
    return ModSeq(number)


def _parse_fetch(scanner: Scanner, *, by_uid: bool = False) -> Fetch | Aware:
    command = parse_fetch(scanner, by_uid=by_uid)
    return Aware(command) if MODSEQ in command.items else command


def _changed_since(scanner: Scanner) -> FetchModifier:
    scanner.space()
    since = parse_mod_seq(scanner)

    def modified(command: Fetch) -> Fetch:
        items = tuple(dict.fromkeys((*command.items, MODSEQ)))
        return dataclasses.replace(command, items=items, changed_since=since)

    return modified


def _parse_store(scanner: Scanner, *, by_uid: bool = False) -> Store | Aware:
    scanner.space()
    numbers = scanner.sequence_set()
    if not scanner.accept(b" (UNCHANGEDSINCE "):
        return parse_change(scanner, numbers, by_uid=by_uid)
    unchanged_since = parse_mod_seq(scanner)
    scanner.expect(b")")
    command = parse_change(scanner, numbers, by_uid=by_uid)
    return Aware(dataclasses.replace(command, unchanged_since=unchanged_since))


def _search_key(scanner: Scanner) -> SearchKey:
    scanner.space()
    if scanner.peek(b'"'):
        scanner.string()  # the entry and its type: all flags share one mod-sequence here
        scanner.space()
        scanner.atom()
        scanner.space()
    return ModSeqSince(parse_mod_seq(scanner))


CONDSTORE = Extension(
    capability=b"CONDSTORE",
    enable=frozenset({b"CONDSTORE"}),
    grammar={
        b"FETCH": _parse_fetch,
        b"UID FETCH": lambda scanner: _parse_fetch(scanner, by_uid=True),
        b"STORE": _parse_store,
        b"UID STORE": lambda scanner: _parse_store(scanner, by_uid=True),
    },
    select_options={b"CONDSTORE": lambda scanner: _Option()},
    fetch_modifiers={b"CHANGEDSINCE": _changed_since},
    handlers={Aware: _aware},
    fetch_items={b"MODSEQ": lambda scanner: MODSEQ},
    search_keys={b"MODSEQ": _search_key},
    status_items={b"HIGHESTMODSEQ": lambda counts: b"%d" % counts.highest_mod_seq},
)
