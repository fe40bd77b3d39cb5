# SPDX-License-Identifier: MIT
"""SELECT, EXAMINE, CLOSE.

Source: RFC 3501 §6.3.1, RFC 3501 §6.3.2, RFC 3501 §6.4.2.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from homemail.imap.extension import Extension
from homemail.imap.grammar import Scanner
from homemail.imap.response import Tagged, ok
from homemail.imap.selected import Selected
from homemail.imap.session import Session, selected
from homemail.model.mailbox import SEEN, MailboxName
from homemail.model.search import HasFlag, Not


@dataclass(frozen=True, slots=True)
class Select:
    """SELECT, or EXAMINE."""

    name: MailboxName
    read_only: bool


@dataclass(frozen=True, slots=True)
class Close:
    """CLOSE."""


async def _select(session: Session, command: Select) -> Tagged:
    if session.selected is not None:
        session.send(b"* OK [CLOSED] The other mailbox is left\r\n")
    await session.unselect()  # also when the other one cannot be selected
    view = await session.select(command.name, read_only=command.read_only)
    mailbox = view.mailbox
    unseen = await session.mail.read(mailbox.read_search, Not(HasFlag(SEEN)))
    first = next((n for uid in unseen if (n := view.sequence_number(uid))), None)
    session.send(*view.describe(), *_codes(view, first))
    kind = b"READ-ONLY" if view.read_only else b"READ-WRITE"
    return ok("Mailbox selected", kind)


def _codes(view: Selected, first_unseen: int | None) -> Iterable[bytes]:
    if first_unseen:
        yield b"* OK [UNSEEN %d] First unseen\r\n" % first_unseen
    yield b"* OK [UIDVALIDITY %d] UIDs valid\r\n" % view.uid_validity
    yield b"* OK [UIDNEXT %d] Predicted next UID\r\n" % view.uid_next
    yield b"* OK [HIGHESTMODSEQ %d] Highest mod-sequence\r\n" % view.highest_mod_seq
    mailbox_id = view.mailbox.mailbox_id.encode("ascii")
    yield b"* OK [MAILBOXID (%b)] The mailbox's own name\r\n" % mailbox_id


async def _close(session: Session, view: Selected, command: Close) -> Tagged:
    if not view.read_only:
        await session.mail.change(view.mailbox.expunge)
    await session.unselect()
    return ok("Mailbox closed")


def parse_select(scanner: Scanner) -> Select:
    """Read the name of a mailbox."""
    scanner.space()
    return Select(scanner.mailbox(), False)


def parse_examine(scanner: Scanner) -> Select:
    """Read the name of a mailbox that is not to be changed."""
    scanner.space()
    return Select(scanner.mailbox(), True)


SELECT = Extension(
    grammar={
        b"SELECT": parse_select,
        b"EXAMINE": parse_examine,
        b"CLOSE": lambda scanner: Close(),
    },
    handlers={Select: _select, Close: selected(_close)},
)
