# SPDX-License-Identifier: MIT
"""APPEND (RFC 3501 §6.3.11)."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from homemail.errors import BadContent, NoSuchMailbox
from homemail.imap import response
from homemail.imap.connection import Literal
from homemail.imap.extension import Extension
from homemail.imap.grammar import Scanner, SyntaxTrouble
from homemail.imap.response import RECENT, Refusal, Tagged, no, ok
from homemail.imap.session import Session
from homemail.model.mailbox import Appended, Flags, MailboxName
from homemail.store.api import NewMessage


@dataclass(frozen=True, slots=True)
class Append:
    """APPEND."""

    name: MailboxName
    messages: tuple[NewMessage, ...]
    binary: bool = False


async def _append(session: Session, command: Append) -> Tagged:
    store = session.store
    with trouble(command):
        made = await session.mail.change(
            store.append, command.name, command.messages, session.actor
        )
    return ok("Message appended", append_code(made))


@contextlib.contextmanager
def trouble(command: Append) -> Iterator[None]:
    """Answer what the store refuses with the codes of APPEND."""
    try:
        yield
    except NoSuchMailbox as error:
        raise Refusal(no(error.text, b"TRYCREATE")) from error
    except BadContent as error:
        if not command.binary:
            raise
        raise Refusal(no(error.text, b"UNKNOWN-CTE")) from error  # RFC 3516 §4.4


def append_code(made: Sequence[Appended]) -> bytes:
    """Return the response code that says which UIDs the messages have (RFC 4315 §3)."""
    uids = response.number_set([one.uid for one in made])
    return b"APPENDUID %d %b" % (made[0].uid_validity, uids)


def parse_append(scanner: Scanner) -> Append:
    """Read a mailbox and one message."""
    scanner.space()
    name = scanner.mailbox()
    message, binary = parse_message(scanner)
    return Append(name, (message,), binary)


def parse_message(scanner: Scanner) -> tuple[NewMessage, bool]:
    """Read what follows a mailbox's name: flags, date, literal; and whether it was a literal8."""
    scanner.space()
    flags: Flags = frozenset()
    if scanner.peek(b"("):
        flags = scanner.flags() - {RECENT}
        scanner.space()
    date = None
    if scanner.peek(b'"'):
        date = scanner.date_time()
        scanner.space()
    literal = _data(scanner)
    if not literal.content.size:
        raise Refusal(no("An empty message is not appended"))  # a client cancels (RFC 3502 §6.3.11)
    return NewMessage(literal.content, flags, date), literal.binary


def _data(scanner: Scanner) -> Literal:
    if not scanner.accept(b"UTF8 ("):
        return scanner.literal()
    literal = scanner.literal()  # RFC 6855 §4
    if not literal.binary:
        raise SyntaxTrouble("Expected a literal8")
    scanner.expect(b")")
    return literal


APPEND = Extension(
    grammar={b"APPEND": parse_append},
    handlers={Append: _append},
    message_commands=frozenset({b"APPEND"}),
)
