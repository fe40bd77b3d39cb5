# SPDX-License-Identifier: MIT
"""Telling an owner what is wrong with his own files: a message in his INBOX, not one per mail."""

from __future__ import annotations

from dataclasses import dataclass

from homemail.errors import MailError
from homemail.mda.compose import owner_note
from homemail.mda.ledger import Ledger, digest
from homemail.mda.owner import Job, Owner, log, owner_address
from homemail.model.envelope import new_trace
from homemail.model.mailbox import INBOX
from homemail.model.message import MemoryContent
from homemail.store.api import Actor, NewMessage

DAY = 86_400.0
ONCE = 10 * 365 * DAY


@dataclass(frozen=True, slots=True)
class Note:
    """What to tell. Two with the same ``key`` are told once in ``seconds``."""

    subject: str
    text: str
    key: tuple[str, ...]
    seconds: float


def tell_owner(owner: Owner, job: Job, note: Note) -> None:
    """File ``note``; called in the owner's lane. A note that cannot be filed is only logged."""
    now = owner.now()
    address = owner_address(job)
    try:
        if Ledger(owner.home, "notes").claim(digest(note.key), now.timestamp(), note.seconds):
            octets = owner_note(address, note.subject, note.text, now, new_trace())
            message = NewMessage(MemoryContent(octets), frozenset())
            owner.mail.store.append(INBOX, [message], Actor(owner.account.id))
    except MailError as error:
        log.warning("owner not told", trace=job.trace, subject=note.subject, error=error)
