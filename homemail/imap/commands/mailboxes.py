# SPDX-License-Identifier: MIT
"""CREATE, DELETE, RENAME, SUBSCRIBE, UNSUBSCRIBE.

Source: RFC 3501 §6.3.3, RFC 3501 §6.3.4, RFC 3501 §6.3.5, RFC 3501 §6.3.6, RFC 3501 §6.3.7.
"""

from __future__ import annotations

from dataclasses import dataclass

from homemail.imap.extension import Extension
from homemail.imap.grammar import Scanner
from homemail.imap.response import Tagged, no, ok
from homemail.imap.session import Session
from homemail.model.mailbox import MailboxName


@dataclass(frozen=True, slots=True)
class Create:
    """CREATE, with the special uses that the mailbox is to have."""

    name: MailboxName
    special_use: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Delete:
    """DELETE."""

    name: MailboxName


@dataclass(frozen=True, slots=True)
class Rename:
    """RENAME."""

    name: MailboxName
    new_name: MailboxName


@dataclass(frozen=True, slots=True)
class Subscribe:
    """SUBSCRIBE, or UNSUBSCRIBE."""

    name: MailboxName
    wanted: bool


async def _create(session: Session, command: Create) -> Tagged:
    made = await session.mail.change(
        session.store.create, command.name, session.actor, command.special_use
    )
    return ok("Mailbox created", b"MAILBOXID (%b)" % made.encode("ascii"))


async def _delete(session: Session, command: Delete) -> Tagged:
    view = session.selected
    if view is not None and view.mailbox.ref.name == command.name:
        return no("The mailbox is selected", b"INUSE")
    await session.mail.change(session.store.delete, command.name, session.actor)
    return ok("Mailbox deleted")


async def _rename(session: Session, command: Rename) -> Tagged:
    await session.mail.change(session.store.rename, command.name, command.new_name, session.actor)
    return ok("Mailbox renamed")


async def _subscribe(session: Session, command: Subscribe) -> Tagged:
    store = session.store
    call = store.subscribe if command.wanted else store.unsubscribe
    await session.mail.change(call, command.name, session.actor)
    return ok("Subscribed" if command.wanted else "Unsubscribed")


def parse_create(scanner: Scanner) -> Create:
    """Read the name of a mailbox to be made."""
    return Create(_name(scanner))


def _name(scanner: Scanner) -> MailboxName:
    scanner.space()
    return scanner.mailbox()


MAILBOXES = Extension(
    grammar={
        b"CREATE": parse_create,
        b"DELETE": lambda scanner: Delete(_name(scanner)),
        b"RENAME": lambda scanner: Rename(_name(scanner), _name(scanner)),
        b"SUBSCRIBE": lambda scanner: Subscribe(_name(scanner), True),
        b"UNSUBSCRIBE": lambda scanner: Subscribe(_name(scanner), False),
    },
    handlers={Create: _create, Delete: _delete, Rename: _rename, Subscribe: _subscribe},
)
