# SPDX-License-Identifier: MIT
"""STORE and UID STORE (RFC 3501 §6.4.6)."""

from __future__ import annotations

import re
from dataclasses import dataclass

from homemail.imap.extension import Extension
from homemail.imap.grammar import Scanner
from homemail.imap.response import RECENT, Tagged, ok
from homemail.imap.selected import Selected
from homemail.imap.session import Session, must_write, selected
from homemail.model.mailbox import FlagChange, Flags, MessageFacts, SequenceSet

_WHAT = re.compile(rb"([+-]?FLAGS)(\.SILENT)?(?= )", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Store:
    """STORE."""

    numbers: SequenceSet
    by_uid: bool
    change: FlagChange
    flags: Flags
    silent: bool


async def _store(session: Session, view: Selected, command: Store) -> Tagged:
    must_write(view)
    uids = [uid for _, uid in view.pairs(command.numbers, by_uid=command.by_uid)]
    result = await session.mail.change(view.mailbox.store, uids, command.change, command.flags)
    view.forget_flags((facts.uid, facts.mod_seq) for facts in result.changed)
    if not command.silent:
        session.send(*(_line(view, facts, command.by_uid) for facts in result.changed))
    if len(result.changed) < len(uids):
        return ok("Some messages are gone", b"EXPUNGEISSUED")
    return ok("Flags stored")


def _line(view: Selected, facts: MessageFacts, by_uid: bool) -> bytes:
    flags = view.flag_lists.get(facts.flags, facts.uid in view.recent)
    uid = b"UID %d " % facts.uid if by_uid else b""
    number = view.sequence_number(facts.uid) or 0
    return b"* %d FETCH (%bFLAGS %b)\r\n" % (number, uid, flags)


def _parse(scanner: Scanner, *, by_uid: bool = False) -> Store:
    scanner.space()
    numbers = scanner.sequence_set()
    scanner.space()
    what = scanner.need(_WHAT, "FLAGS, +FLAGS or -FLAGS")
    scanner.space()
    if scanner.peek(b"("):
        flags = scanner.flags()
    else:
        listed = [scanner.flag()]
        while scanner.accept(b" "):
            listed.append(scanner.flag())
        flags = frozenset(listed)
    change = FlagChange(what[1].decode("ascii").upper())
    return Store(numbers, by_uid, change, flags - {RECENT}, bool(what[2]))


STORE = Extension(
    grammar={b"STORE": _parse, b"UID STORE": lambda scanner: _parse(scanner, by_uid=True)},
    handlers={Store: selected(_store)},
)
