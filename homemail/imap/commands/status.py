# SPDX-License-Identifier: MIT
"""STATUS (RFC 3501 §6.3.10)."""

from __future__ import annotations

from dataclasses import dataclass

from homemail.imap.extension import Extension
from homemail.imap.grammar import Scanner, SyntaxTrouble
from homemail.imap.response import Tagged, ok
from homemail.imap.session import Session
from homemail.model.mailbox import MailboxName


@dataclass(frozen=True, slots=True)
class Status:
    """STATUS."""

    name: MailboxName
    items: tuple[bytes, ...]


async def _status(session: Session, command: Status) -> Tagged:
    check_items(session, command.items)
    session.send(await status_line(session, command.name, command.items))
    return ok("Status told")


def check_items(session: Session, items: tuple[bytes, ...]) -> None:
    """Refuse items that nobody knows."""
    if any(item not in session.vocabulary.status_items for item in items):
        raise SyntaxTrouble("Unknown status item")


async def status_line(session: Session, name: MailboxName, items: tuple[bytes, ...]) -> bytes:
    """Return one STATUS response.

    Raises:
        NoSuchMailbox: there is none of this name.
    """
    known = session.vocabulary.status_items
    counts = await session.mail.change(session.store.status, name, session.actor)
    pairs = b" ".join(b"%b %b" % (item, known[item](counts)) for item in items)
    return b"* STATUS %b (%b)\r\n" % (session.mailbox(name), pairs)


def _parse(scanner: Scanner) -> Status:
    scanner.space()
    name = scanner.mailbox()
    scanner.space()
    return Status(name, tuple(dict.fromkeys(scanner.parenthesized(scanner.word))))


STATUS = Extension(
    grammar={b"STATUS": _parse},
    handlers={Status: _status},
    status_items={
        b"MESSAGES": lambda counts: b"%d" % counts.messages,
        b"RECENT": lambda counts: b"%d" % counts.recent,
        b"UIDNEXT": lambda counts: b"%d" % counts.uid_next,
        b"UIDVALIDITY": lambda counts: b"%d" % counts.uid_validity,
        b"UNSEEN": lambda counts: b"%d" % counts.unseen,
    },
)
