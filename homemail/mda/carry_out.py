# SPDX-License-Identifier: MIT
"""Carrying out what a script decided, as one transaction per message.

What leaves is queued first, then the message is filed, then ``vacation`` answers. Nothing is lost
half way: a step that cannot be done now makes the whole delivery wait, and what is done already is
not done again; a step that can never be done files the message in INBOX.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import assert_never

from homemail.errors import MailError, NoSuchMailbox, Permanent
from homemail.mda.compose import Occasion, refusal, vacation_answer
from homemail.mda.final_fields import with_final_fields
from homemail.mda.ledger import Ledger
from homemail.mda.owner import (
    Job,
    Owner,
    header_of,
    log,
    own_addresses,
    owner_address,
    send_notice,
    send_on,
)
from homemail.mda.vacation import answer_key, reason_not_to_answer
from homemail.model.address import Address, account_id
from homemail.model.delivery import Delivered, DeliveryResult, Rejected
from homemail.model.envelope import new_trace
from homemail.model.mailbox import INBOX
from homemail.model.reply import Reply
from homemail.sieve import Action, Discard, FileInto, Keep, Redirect, Reject, Vacation
from homemail.store.api import Actor, NewMessage


@dataclass(slots=True)
class _Steps:
    """The actions of one message by kind."""

    file: list[FileInto] = field(default_factory=list)
    send: list[Address] = field(default_factory=list)
    refuse: Reject | None = None
    answer: Vacation | None = None


def only_files(actions: Iterable[Action]) -> bool:
    """Whether the actions can be carried out without leaving the owner's lane."""
    return all(isinstance(action, Keep | FileInto | Discard) for action in actions)


def _sorted(actions: Iterable[Action]) -> _Steps:
    steps = _Steps()
    for action in actions:
        match action:
            case Keep(flags=flags):
                steps.file.append(FileInto(INBOX, flags))
            case FileInto():
                steps.file.append(action)
            case Redirect(address=address):
                steps.send.append(address)
            case Reject():
                steps.refuse = action
            case Vacation():
                steps.answer = action
            case Discard():
                pass
            case _:
                assert_never(action)
    return steps


async def carry_out(owner: Owner, job: Job, actions: Sequence[Action]) -> DeliveryResult:
    """Do what the script wants.

    Raises:
        Temporary: something cannot be done now; bring the same job again.
        Permanent: the message cannot be filed, not even in INBOX.
    """
    steps = _sorted(actions)
    if steps.refuse is not None:
        return await _refuse(owner, job, steps.refuse)
    own = own_addresses(owner, job)
    others = [address for address in steps.send if str(account_id(str(address))) not in own]
    if len(others) < len(steps.send):  # to himself: sent on, it would come back as a loop
        steps.file.append(FileInto(INBOX))
    steps.send = others
    for address in steps.send:
        try:
            await send_on(owner, job, (address,))
        except Permanent as error:
            log.warning("redirect failed, message kept", trace=job.trace, to=address, error=error)
            steps.file.append(FileInto(INBOX))
    await owner.mail.change(_file_all, owner, job, steps.file)
    if steps.answer is not None:
        await _answer(owner, job, steps.answer)
    return Delivered(_what(steps))


def file_in_lane(owner: Owner, job: Job, actions: Sequence[Action]) -> Delivered:
    """Carry out actions that ``only_files``, in the owner's lane.

    Raises:
        Temporary: something cannot be done now; bring the same job again.
        Permanent: the message cannot be filed, not even in INBOX.
    """
    steps = _sorted(actions)
    _file_all(owner, job, steps.file)
    return Delivered(_what(steps))


def _what(steps: _Steps) -> str:
    what = [f"filed in {step.mailbox}" for step in steps.file]
    what += [f"sent on to {address}" for address in steps.send]
    return ", ".join(what) or "discarded"


def _file_all(owner: Owner, job: Job, steps: Sequence[FileInto]) -> None:
    for step in steps:
        try:
            _file(owner, job, step)
        except Permanent as error:
            if step.mailbox.is_inbox:
                raise
            log.warning(
                "cannot file, message kept", trace=job.trace, mailbox=step.mailbox, error=error
            )
            _file(owner, job, FileInto(INBOX, step.flags))


def _file(owner: Owner, job: Job, step: FileInto) -> None:
    key = f"file {step.mailbox}"
    if key in job.done:
        return
    store, actor = owner.mail.store, Actor(owner.account.id)
    messages = [NewMessage(with_final_fields(job.delivery, job.content), step.flags)]
    try:
        store.append(step.mailbox, messages, actor)
    except NoSuchMailbox:
        if not step.create:
            raise
        store.create(step.mailbox, actor)
        store.append(step.mailbox, messages, actor)
    job.done[key] = None


async def _refuse(owner: Owner, job: Job, action: Reject) -> DeliveryResult:
    """Refuse by the reply where that carries the reason, else by a notice to the sender.

    Source: RFC 5429 §2.1, RFC 5429 §2.2.
    """
    delivery = job.delivery
    text = action.reason.replace("\r\n", "\n").strip()
    plain = text.isascii() and text.replace("\n", " ").isprintable()
    if action.prefer_reply or (plain and delivery.alone and delivery.sender_waits):
        shown = text[:1000] if plain and text else "The recipient refuses this message"
        return Rejected(Reply(550, "5.7.1", shown))
    sender = delivery.envelope.reverse_path
    if sender is None:
        log.info("refused, nobody to tell", trace=job.trace, reason="null sender")
        return Delivered("refused")
    if "refuse" not in job.done:
        await send_notice(owner, job, sender, refusal(_occasion(owner, job, sender), text))
        job.done["refuse"] = None
    return Delivered("refused, the sender is told")


async def _answer(owner: Owner, job: Job, action: Vacation) -> None:
    """Answer the sender; the message is delivered already, so a failure is only logged."""
    sender = job.delivery.envelope.reverse_path
    own = own_addresses(owner, job) | {address.lower() for address in action.addresses}
    header = header_of(job)
    reason = reason_not_to_answer(header, sender, own)
    if reason is not None or sender is None:
        log.info("no vacation answer", trace=job.trace, reason=reason)
        return
    try:
        await _answer_once(owner, job, action, sender)
    except MailError as error:
        log.warning("vacation answer failed", trace=job.trace, error=error, why=error.__cause__)
    except Exception:
        log.exception("vacation answer failed", trace=job.trace)


async def _answer_once(owner: Owner, job: Job, action: Vacation, sender: Address) -> None:
    memory, key = Ledger(owner.home, "vacation"), answer_key(action, sender)
    now = owner.now().timestamp()
    if not await owner.mail.change(memory.claim, key, now, action.seconds):
        return
    try:
        octets = vacation_answer(
            _occasion(owner, job, sender),
            action.reason,
            subject=action.subject,
            header_from=action.header_from,
            mime=action.mime,
        )
        await send_notice(owner, job, sender, octets)
    except Exception:
        await owner.mail.change(memory.forget, key)
        raise


def _occasion(owner: Owner, job: Job, sender: Address) -> Occasion:
    return Occasion(owner_address(job), sender, header_of(job), owner.now(), new_trace())
