# SPDX-License-Identifier: MIT
"""APPEND (RFC 3501 §6.3.11)."""

from __future__ import annotations

from dataclasses import dataclass

from homemail.errors import NoSuchMailbox
from homemail.imap.extension import Extension
from homemail.imap.grammar import Scanner, SyntaxTrouble
from homemail.imap.response import RECENT, Refusal, Tagged, no, ok
from homemail.imap.session import Session
from homemail.model.mailbox import Flags, MailboxName
from homemail.store.api import NewMessage


@dataclass(frozen=True, slots=True)
class Append:
    """APPEND."""

    name: MailboxName
    messages: tuple[NewMessage, ...]


async def _append(session: Session, command: Append) -> Tagged:
    store = session.store
    try:
        made = await session.mail.change(
            store.append, command.name, command.messages, session.actor
        )
    except NoSuchMailbox as error:
        return no(error.text, b"TRYCREATE")
    uids = b",".join(b"%d" % one.uid for one in made)
    return ok("Message appended", b"APPENDUID %d %b" % (made[0].uid_validity, uids))


def parse_append(scanner: Scanner) -> Append:
    """Read a mailbox and one message."""
    scanner.space()
    name = scanner.mailbox()
    return Append(name, (parse_message(scanner),))


def parse_message(scanner: Scanner) -> NewMessage:
    """Read what follows a mailbox's name: flags, date, literal."""
    scanner.space()
    flags: Flags = frozenset()
    if scanner.peek(b"("):
        flags = scanner.flags() - {RECENT}
        scanner.space()
    date = None
    if scanner.peek(b'"'):
        date = scanner.date_time()
        scanner.space()
    literal = scanner.literal()
    if literal.binary:
        raise SyntaxTrouble("Expected a literal, not a literal8")
    if not literal.content.size:
        raise Refusal(no("An empty message is not appended"))  # a client cancels (RFC 3502 §6.3.11)
    return NewMessage(literal.content, flags, date)


APPEND = Extension(
    grammar={b"APPEND": parse_append},
    handlers={Append: _append},
    message_commands=frozenset({b"APPEND"}),
)
