# SPDX-License-Identifier: MIT
"""MOVE and UID MOVE: no message is ever in neither mailbox (RFC 6851 §3)."""

from __future__ import annotations

from dataclasses import dataclass

from homemail.errors import NoSuchMailbox
from homemail.imap.commands.copy import copy_uid, parse_target
from homemail.imap.extension import Extension
from homemail.imap.grammar import Scanner
from homemail.imap.response import Tagged, no, ok
from homemail.imap.selected import Selected
from homemail.imap.session import Session, must_write, selected
from homemail.model.mailbox import MailboxName, SequenceSet


@dataclass(frozen=True, slots=True)
class Move:
    """MOVE."""

    numbers: SequenceSet
    by_uid: bool
    target: MailboxName


async def _move(session: Session, view: Selected, command: Move) -> Tagged:
    must_write(view)
    uids = [uid for _, uid in view.pairs(command.numbers, by_uid=command.by_uid)]
    if not uids:
        return ok("Nothing to move")
    if view.mailbox.ref.name == command.target:
        return no("The messages are there already", b"CANNOT")
    try:
        moved = await session.mail.change(view.mailbox.move, uids, command.target)
    except NoSuchMailbox as error:
        return no(error.text, b"TRYCREATE")
    if moved.pairs:
        # Before the EXPUNGE responses, so that a client knows where they went (RFC 6851 §4.3).
        session.send(b"* OK [%b] Moved\r\n" % copy_uid(moved))
    return ok("Messages moved")


def _parse(scanner: Scanner, *, by_uid: bool = False) -> Move:
    numbers, target = parse_target(scanner)
    return Move(numbers, by_uid, target)


MOVE = Extension(
    capability=b"MOVE",
    grammar={b"MOVE": _parse, b"UID MOVE": lambda scanner: _parse(scanner, by_uid=True)},
    handlers={Move: selected(_move)},
)
