# SPDX-License-Identifier: MIT
"""SELECT, EXAMINE, CLOSE.

Source: RFC 3501 §6.3.1, RFC 3501 §6.3.2, RFC 3501 §6.4.2.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from homemail.imap.commands.listing import row
from homemail.imap.extension import Extension, SelectOption
from homemail.imap.fetch_answers import PLAIN_BATCH
from homemail.imap.grammar import Scanner, SyntaxTrouble
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
    options: tuple[SelectOption, ...] = ()


@dataclass(frozen=True, slots=True)
class Close:
    """CLOSE."""


async def _select(session: Session, command: Select) -> Tagged:
    for option in command.options:
        option.begin(session)
    if session.selected is not None:
        session.send(b"* OK [CLOSED] The other mailbox is left\r\n")
    await session.unselect()  # also when the other one cannot be selected
    view = await session.select(command.name, read_only=command.read_only)
    counts = await session.mail.change(session.store.status, command.name, session.actor)
    unseen = 0 if session.is_rev2 else counts.unseen
    first = await session.mail.read(_first_unseen, view.mailbox, view.uids, unseen)
    session.send(*view.describe(), *_codes(view, first and view.sequence_number(first)))
    if session.is_rev2:
        session.send(row(session, b"LIST", (), str(command.name)))  # RFC 9051 §6.3.2
    for option in command.options:
        await option.finish(session, view)
    kind = b"READ-ONLY" if view.read_only else b"READ-WRITE"
    return ok("Mailbox selected", kind)


def _first_unseen(mailbox: Mailbox, uids: Sequence[int], unseen: int) -> Uid | None:
    r"""Return the first message without \Seen; ``unseen`` is how many there are.

    Looks from the end, where the unseen ones of most mailboxes are.
    """
    first = None
    for end in range(len(uids), 0, -PLAIN_BATCH):
        if unseen <= 0:
            break
        batch = [Uid(uid) for uid in uids[max(0, end - PLAIN_BATCH) : end]]
        found = [uid for uid, flags in mailbox.read_flags(batch) if SEEN not in flags]
        unseen -= len(found)
        first = found[0] if found else first
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


def _parse(scanner: Scanner, *, read_only: bool) -> Select:
    scanner.space()
    name = scanner.mailbox()
    if not scanner.accept_list():
        return Select(name, read_only)
    options = scanner.parenthesized(lambda: _option(scanner))
    return Select(name, read_only, tuple(options))


def _option(scanner: Scanner) -> SelectOption:
    read = scanner.vocabulary.select_options.get(scanner.word())
    if read is None:
        raise SyntaxTrouble("Unknown option")
    return read(scanner)


SELECT = Extension(
    grammar={
        b"SELECT": lambda scanner: _parse(scanner, read_only=False),
        b"EXAMINE": lambda scanner: _parse(scanner, read_only=True),
        b"CLOSE": lambda scanner: Close(),
    },
    handlers={Select: _select, Close: selected(_close)},
)
