# SPDX-License-Identifier: MIT
"""REPLACE and UID REPLACE: a new message takes the place of an old one (RFC 8508 §3).

The new one is durable before the old one goes: a crash between the two leaves both, never neither.
"""

from __future__ import annotations

from dataclasses import dataclass

from homemail.imap.commands.append import Append, append_code, parse_append, trouble
from homemail.imap.extension import Extension
from homemail.imap.grammar import Scanner
from homemail.imap.response import Tagged, no, ok
from homemail.imap.selected import Selected
from homemail.imap.session import Session, must_write, selected
from homemail.model.mailbox import Appended, SequenceSet


@dataclass(frozen=True, slots=True)
class Replace:
    """REPLACE."""

    number: SequenceSet
    by_uid: bool
    new: Append


async def _replace(session: Session, view: Selected, command: Replace) -> Tagged:
    must_write(view)
    uids = [uid for _, uid in view.pairs(command.number, by_uid=command.by_uid)]
    if not uids:
        return no("There is no such message", b"NONEXISTENT")

    def replaced() -> tuple[Appended, ...]:
        made = session.store.append(command.new.name, command.new.messages, session.actor)
        view.mailbox.remove(uids)
        return made

    if not await session.mail.read(view.mailbox.read_facts, uids):
        return no("The message is gone", b"EXPUNGEISSUED")
    with trouble(command.new):
        made = await session.mail.change(replaced)
    # Before the EXPUNGE response, so that a client knows where it went (RFC 8508 §4.3).
    session.send(b"* OK [%b] Message added\r\n" % append_code(made))
    return ok("Message replaced")


def _parse(scanner: Scanner, *, by_uid: bool = False) -> Replace:
    scanner.space()
    number = SequenceSet.of(scanner.number()) if not scanner.accept(b"*") else _LAST
    return Replace(number, by_uid, parse_append(scanner))


_LAST = SequenceSet(((None, None),))

REPLACE = Extension(
    capability=b"REPLACE",
    grammar={b"REPLACE": _parse, b"UID REPLACE": lambda scanner: _parse(scanner, by_uid=True)},
    handlers={Replace: selected(_replace)},
    message_commands=frozenset({b"REPLACE", b"UID REPLACE"}),
)
