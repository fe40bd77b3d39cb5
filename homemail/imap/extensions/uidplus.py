# SPDX-License-Identifier: MIT
"""UIDPLUS: UID EXPUNGE; APPENDUID and COPYUID come with their commands (RFC 4315 §2)."""

from __future__ import annotations

from dataclasses import dataclass

from homemail.imap.commands.expunge import expunged
from homemail.imap.extension import Extension
from homemail.imap.grammar import Scanner
from homemail.imap.response import Tagged
from homemail.imap.selected import Selected
from homemail.imap.session import Session, must_write, selected
from homemail.model.mailbox import SequenceSet


@dataclass(frozen=True, slots=True)
class UidExpunge:
    """UID EXPUNGE."""

    numbers: SequenceSet


async def _uid_expunge(session: Session, view: Selected, command: UidExpunge) -> Tagged:
    must_write(view)
    uids = [uid for _, uid in view.pairs(command.numbers, by_uid=True)]
    return expunged(session, view, await session.mail.change(view.mailbox.expunge, uids))


def _parse(scanner: Scanner) -> UidExpunge:
    scanner.space()
    return UidExpunge(scanner.sequence_set())


UIDPLUS = Extension(
    capability=b"UIDPLUS",
    grammar={b"UID EXPUNGE": _parse},
    handlers={UidExpunge: selected(_uid_expunge)},
)
