# SPDX-License-Identifier: MIT
"""STORE and UID STORE (RFC 3501 §6.4.6)."""

from __future__ import annotations

import dataclasses
import re
from dataclasses import dataclass

from homemail.imap import response
from homemail.imap.extension import Extension
from homemail.imap.grammar import Scanner
from homemail.imap.response import RECENT, Tagged, ok
from homemail.imap.selected import Selected
from homemail.imap.session import Session, must_write, selected
from homemail.model.mailbox import FlagChange, Flags, MessageFacts, ModSeq, SequenceSet
from homemail.store.api import StoreResult

_WHAT = re.compile(rb"([+-]?FLAGS)(\.SILENT)?(?= )", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Store:
    """STORE."""

    numbers: SequenceSet
    by_uid: bool
    change: FlagChange
    flags: Flags
    silent: bool
    unchanged_since: ModSeq | None = None


async def _store(session: Session, view: Selected, command: Store) -> Tagged:
    must_write(view)
    uids = [uid for _, uid in view.pairs(command.numbers, by_uid=command.by_uid)]
    result = await session.mail.change(
        view.mailbox.store, uids, command.change, command.flags, command.unchanged_since
    )
    view.forget_flags((facts.uid, facts.mod_seq) for facts in result.changed)
    session.send(*view.tell_keywords())
    with_uid = command.by_uid or session.tells_uid
    for facts in result.changed:
        line = _line(view, facts, command, with_uid, session.tells_mod_seq)
        if line:
            session.send(line)
    if result.modified:
        # So that the client need not ask what has changed (RFC 7162 §3.1.3).
        for facts in await session.mail.read(view.mailbox.read_facts, result.modified):
            shown = dataclasses.replace(command, silent=False)
            session.send(_line(view, facts, shown, with_uid, True))
        return ok("Some messages had changed", b"MODIFIED " + _modified(view, result, command))
    if len(result.changed) < len(uids):
        return ok("Some messages are gone", b"EXPUNGEISSUED")
    return ok("Flags stored")


def _line(
    view: Selected, facts: MessageFacts, command: Store, with_uid: bool, with_mod_seq: bool
) -> bytes:
    """Return the FETCH response; .SILENT leaves the mod-sequence only (RFC 7162 §3.1.3)."""
    words = [b"UID %d" % facts.uid] if with_uid else []
    if not command.silent:
        words.append(b"FLAGS " + view.flag_lists.get(facts.flags, facts.uid in view.recent))
    elif not with_mod_seq:
        return b""
    if with_mod_seq:
        words.append(b"MODSEQ (%d)" % facts.mod_seq)
    return b"* %d FETCH (%b)\r\n" % (view.sequence_number(facts.uid) or 0, b" ".join(words))


def _modified(view: Selected, result: StoreResult, command: Store) -> bytes:
    if command.by_uid:
        return response.number_set(result.modified)
    return response.number_set([view.sequence_number(uid) or 0 for uid in result.modified])


def _parse(scanner: Scanner, *, by_uid: bool = False) -> Store:
    scanner.space()
    return parse_change(scanner, scanner.sequence_set(), by_uid=by_uid)


def parse_change(scanner: Scanner, numbers: SequenceSet, *, by_uid: bool) -> Store:
    """Read what follows the sequence set: FLAGS, +FLAGS or -FLAGS, and flags."""
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
