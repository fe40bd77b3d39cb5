# SPDX-License-Identifier: MIT
"""CONDSTORE: mod-sequences say what has changed, and keep two clients from overwriting.

Source: RFC 7162 §3.1.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from homemail.imap.commands.fetch import Fetch, parse_fetch
from homemail.imap.commands.select import Select, parse_examine, parse_select
from homemail.imap.commands.store import Store, parse_change
from homemail.imap.extension import Extension
from homemail.imap.fetch_items import FactItem
from homemail.imap.grammar import Scanner, SyntaxTrouble
from homemail.imap.response import Tagged
from homemail.imap.session import Session
from homemail.model.mailbox import ModSeq
from homemail.model.search import ModSeqSince, SearchKey

MODSEQ = FactItem(b"MODSEQ", lambda facts: b"(%d)" % facts.mod_seq)


@dataclass(frozen=True, slots=True)
class Aware:
    """A command that shows that the client knows of mod-sequences (RFC 7162 §3.1)."""

    command: Any


async def _aware(session: Session, command: Aware) -> Tagged:
    session.enabled.add(b"CONDSTORE")
    inner = command.command
    return await session.vocabulary.handlers[type(inner)](session, inner)


def _mod_seq(scanner: Scanner) -> ModSeq:
    number = scanner.number()
    if number >= 2**63:
        raise SyntaxTrouble("Expected a mod-sequence")
    return ModSeq(number)


def _parse_fetch(scanner: Scanner, *, by_uid: bool = False) -> Fetch | Aware:
    command = parse_fetch(scanner, by_uid=by_uid)
    if scanner.accept(b" (CHANGEDSINCE "):
        changed_since = _mod_seq(scanner)
        scanner.expect(b")")
        items = tuple(dict.fromkeys((*command.items, MODSEQ)))
        return Aware(dataclasses.replace(command, items=items, changed_since=changed_since))
    return Aware(command) if MODSEQ in command.items else command


def _parse_store(scanner: Scanner, *, by_uid: bool = False) -> Store | Aware:
    scanner.space()
    numbers = scanner.sequence_set()
    if not scanner.accept(b" (UNCHANGEDSINCE "):
        return parse_change(scanner, numbers, by_uid=by_uid)
    unchanged_since = _mod_seq(scanner)
    scanner.expect(b")")
    command = parse_change(scanner, numbers, by_uid=by_uid)
    return Aware(dataclasses.replace(command, unchanged_since=unchanged_since))


def _with_option(parse: Callable[[Scanner], Select]) -> Callable[[Scanner], Select | Aware]:
    def read(scanner: Scanner) -> Select | Aware:
        command = parse(scanner)
        return Aware(command) if scanner.accept(b" (CONDSTORE)") else command

    return read


def _search_key(scanner: Scanner) -> SearchKey:
    scanner.space()
    if scanner.peek(b'"'):
        scanner.string()  # the entry and its type: all flags share one mod-sequence here
        scanner.space()
        scanner.atom()
        scanner.space()
    return ModSeqSince(_mod_seq(scanner))


CONDSTORE = Extension(
    capability=b"CONDSTORE",
    enable=frozenset({b"CONDSTORE"}),
    grammar={
        b"FETCH": _parse_fetch,
        b"UID FETCH": lambda scanner: _parse_fetch(scanner, by_uid=True),
        b"STORE": _parse_store,
        b"UID STORE": lambda scanner: _parse_store(scanner, by_uid=True),
        b"SELECT": _with_option(parse_select),
        b"EXAMINE": _with_option(parse_examine),
    },
    handlers={Aware: _aware},
    fetch_items={b"MODSEQ": lambda scanner: MODSEQ},
    search_keys={b"MODSEQ": _search_key},
    status_items={b"HIGHESTMODSEQ": lambda counts: b"%d" % counts.highest_mod_seq},
)
