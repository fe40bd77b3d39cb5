# SPDX-License-Identifier: MIT
"""SELECT, EXAMINE, CLOSE.

Source: RFC 3501 §6.3.1, RFC 3501 §6.3.2, RFC 3501 §6.4.2.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from homemail.imap.extension import Extension
from homemail.imap.fetch_answers import BATCH
from homemail.imap.grammar import Scanner
from homemail.imap.response import Tagged, ok
from homemail.imap.selected import Selected
from homemail.imap.session import Session, selected
from homemail.model.mailbox import SEEN, MailboxName, Uid
from homemail.store.api import Mailbox


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
    counts = await session.mail.change(session.store.status, command.name, session.actor)
    first = await session.mail.read(_first_unseen, view.mailbox, view.uids, counts.unseen)
    session.send(*view.describe(), *_codes(view, first and view.sequence_number(first)))
    kind = b"READ-ONLY" if view.read_only else b"READ-WRITE"
    return ok("Mailbox selected", kind)


def _first_unseen(mailbox: Mailbox, uids: Sequence[int], unseen: int) -> Uid | None:
    r"""Return the first message without \Seen; ``unseen`` is how many there are.

    Looks from the end, where the unseen ones of most mailboxes are.
    """
    first = None
    for end in range(len(uids), 0, -BATCH):
        if unseen <= 0:
            break
        batch = [Uid(uid) for uid in uids[max(0, end - BATCH) : end]]
        for facts in reversed(mailbox.read_facts(batch)):
            if SEEN not in facts.flags:
                first, unseen = facts.uid, unseen - 1
    return first


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
