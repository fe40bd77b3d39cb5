# SPDX-License-Identifier: MIT
"""Mail that a script makes the owner send: answers of ``vacation``, notifications of ``notify``."""

from __future__ import annotations

from contextlib import suppress

from homemail.errors import MailboxExists, NoSuchMailbox
from homemail.mda.compose import Occasion, notification, vacation_answer
from homemail.mda.ledger import Ledger
from homemail.mda.owner import (
    Job,
    Owner,
    header_of,
    log,
    own_addresses,
    owner_address,
    send_notice,
)
from homemail.mda.vacation import answer_key, is_automatic, reason_not_to_answer
from homemail.model.address import Address
from homemail.model.envelope import new_trace
from homemail.model.message import MemoryContent, MessageContent
from homemail.sieve import FileInto, Notification, Vacation
from homemail.store.api import Actor, Append, NewMessage
from homemail.store.arrivals import Filing


def occasion(owner: Owner, job: Job, sender: Address) -> Occasion:
    """Return what a message of our own about this delivery has to know."""
    return Occasion(owner_address(job), sender, header_of(job), owner.now(), new_trace())


def file_message(
    owner: Owner, step: FileInto, content: MessageContent, *, alone: bool = False
) -> Filing[None]:
    """File ``content`` where ``step`` says.

    Raises:
        NoSuchMailbox: it is not there, and is not to be made.
    """
    store, actor = owner.mail.store, Actor(owner.account.id)
    wanted = Append(step.mailbox, [NewMessage(content, step.flags)], actor, alone)
    try:
        yield wanted
    except NoSuchMailbox:
        if not step.create:
            raise
        use = frozenset({step.special_use} if step.special_use else ())
        with suppress(MailboxExists):  # another message of the same moment may have made it
            store.create(step.mailbox, actor, use)
        yield wanted


async def answer(owner: Owner, job: Job, action: Vacation) -> None:
    """Answer the sender, if he may get an answer and did not get this one lately."""
    sender = job.delivery.envelope.reverse_path
    own = own_addresses(owner, job) | {address.lower() for address in action.addresses}
    reason = reason_not_to_answer(header_of(job), sender, own)
    if reason is not None or sender is None:
        log.info("no vacation answer", trace=job.trace, reason=reason)
        return
    memory, key = Ledger(owner.home, "vacation"), answer_key(action, sender)
    now = owner.now().timestamp()
    if not await owner.mail.change(memory.claim, key, now, action.seconds):
        return
    try:
        octets = vacation_answer(
            occasion(owner, job, sender),
            action.reason,
            subject=action.subject,
            header_from=action.header_from,
            mime=action.mime,
        )
        await send_notice(owner, job, (sender,), octets)
    except Exception:
        await owner.mail.change(memory.forget, key)
        raise
    await _keep_copy(owner, action.fcc, octets)


async def notify(owner: Owner, job: Job, action: Notification) -> None:
    """Tell somebody of the message, unless a machine has written it.

    Source: RFC 5436 §2.7.
    """
    if is_automatic(header_of(job)):
        log.info("no notification", trace=job.trace, reason="sent automatically")
        return
    about = occasion(owner, job, action.to[0])
    octets = notification(about, action)
    reverse_path = about.owner if job.delivery.envelope.reverse_path is not None else None
    await send_notice(owner, job, action.to, octets, reverse_path)
    await _keep_copy(owner, action.fcc, octets)


async def _keep_copy(owner: Owner, fcc: FileInto | None, octets: bytes) -> None:
    if fcc is not None:
        await owner.mail.file(lambda: file_message(owner, fcc, MemoryContent(octets)))
