# SPDX-License-Identifier: MIT
"""Carrying out what a script decided, as one transaction per message.

What leaves is queued first, then the message is filed, then ``vacation`` answers. Nothing is lost
half way: a step that cannot be done now makes the whole delivery wait, and what is done already is
not done again; a step that can never be done files the message in INBOX.
"""

from __future__ import annotations

from collections.abc import Awaitable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import assert_never

from homemail.errors import MailError, Permanent
from homemail.mda.answers import answer, file_message, notify, occasion
from homemail.mda.compose import refusal
from homemail.mda.final_fields import with_final_fields
from homemail.mda.ledger import Ledger
from homemail.mda.owner import Job, Owner, log, own_addresses, redirect, send_notice, with_header
from homemail.mda.script import Decision, duplicate_key
from homemail.model.address import account_id
from homemail.model.delivery import Delivered, DeliveryResult, Rejected
from homemail.model.mailbox import INBOX
from homemail.model.reply import Reply
from homemail.sieve import (
    Action,
    Discard,
    FileInto,
    Keep,
    Notification,
    Redirect,
    Reject,
    Vacation,
)
from homemail.store.arrivals import Filing


@dataclass(slots=True)
class _Steps:
    """The actions of one message by kind."""

    file: list[FileInto] = field(default_factory=list)
    send: list[Redirect] = field(default_factory=list)
    tell: list[Notification] = field(default_factory=list)
    refuse: Reject | None = None
    answer: Vacation | None = None


def only_files(decision: Decision) -> bool:
    """Whether the actions can be carried out without leaving the owner's lane."""
    return all(isinstance(action, Keep | FileInto | Discard) for action in decision.actions)


def _sorted(actions: Iterable[Action]) -> _Steps:
    steps = _Steps()
    for action in actions:
        match action:
            case Keep(flags=flags, header=header):
                steps.file.append(FileInto(INBOX, flags, header=header))
            case FileInto():
                steps.file.append(action)
            case Redirect():
                steps.send.append(action)
            case Notification():
                steps.tell.append(action)
            case Reject():
                steps.refuse = action
            case Vacation():
                steps.answer = action
            case Discard():
                pass
            case _:
                assert_never(action)
    return steps


async def carry_out(owner: Owner, job: Job, decision: Decision) -> DeliveryResult:
    """Do what the scripts want.

    Raises:
        Temporary: something cannot be done now; bring the same job again.
        Permanent: the message cannot be filed, not even in INBOX.
    """
    steps = _sorted(decision.actions)
    if steps.refuse is not None:
        result = await _refuse(owner, job, steps.refuse)
    else:
        await _send_and_file(owner, job, steps)
        result = Delivered(_what(steps))
    for notification in steps.tell:
        await _later(job, "notification", notify(owner, job, notification))
    if steps.answer is not None:
        await _later(job, "vacation answer", answer(owner, job, steps.answer))
    if decision.seen:
        await owner.mail.change(_remember, owner, job, decision)
    return result


def file_in_lane(owner: Owner, job: Job, decision: Decision) -> Filing[Delivered]:
    """Carry out actions that ``only_files``.

    Raises:
        Temporary: something cannot be done now; bring the same job again.
        Permanent: the message cannot be filed, not even in INBOX.
    """
    steps = _sorted(decision.actions)
    # The next message may be a duplicate of this one.
    yield from _file_all(owner, job, steps.file, alone=bool(decision.seen))
    _remember(owner, job, decision)
    return Delivered(_what(steps))


async def _send_and_file(owner: Owner, job: Job, steps: _Steps) -> None:
    own = own_addresses(owner, job)
    for action in steps.send:
        if str(account_id(str(action.address))) in own:
            # To himself: sent on, it would come back as a loop.
            steps.file.append(FileInto(INBOX, header=action.header))
            continue
        try:
            await redirect(owner, job, action)
        except Permanent as error:
            log.warning(
                "redirect failed, message kept", trace=job.trace, to=action.address, error=error
            )
            steps.file.append(FileInto(INBOX, header=action.header))
    await owner.mail.file(lambda: _file_all(owner, job, steps.file))


def _remember(owner: Owner, job: Job, decision: Decision) -> None:
    """Remember what ``duplicate`` asked for; the message is delivered, so trouble is logged."""
    if not decision.seen:
        return
    try:
        keys = [duplicate_key(seen.key) for seen in decision.seen]
        Ledger(owner.home, "duplicate").note(keys, owner.now().timestamp())
    except MailError as error:
        log.warning("duplicates not remembered", trace=job.trace, error=error, why=error.__cause__)


async def _later(job: Job, what: str, work: Awaitable[None]) -> None:
    """Do what comes after the delivery; the message is safe already, so a failure is logged."""
    try:
        await work
    except MailError as error:
        log.warning(f"{what} failed", trace=job.trace, error=error, why=error.__cause__)
    except Exception:
        log.exception(f"{what} failed", trace=job.trace)


def _what(steps: _Steps) -> str:
    what = [f"filed in {step.mailbox}" for step in steps.file]
    what += [f"sent on to {step.address}" for step in steps.send]
    return ", ".join(what) or "discarded"


def _file_all(
    owner: Owner, job: Job, steps: Sequence[FileInto], *, alone: bool = False
) -> Filing[None]:
    for step in steps:
        try:
            yield from _file(owner, job, step, alone)
        except Permanent as error:
            if step.mailbox.is_inbox:
                raise
            log.warning(
                "cannot file, message kept", trace=job.trace, mailbox=step.mailbox, error=error
            )
            yield from _file(owner, job, FileInto(INBOX, step.flags), alone)


def _file(owner: Owner, job: Job, step: FileInto, alone: bool) -> Filing[None]:
    key = f"file {step.mailbox}"
    if key in job.done:
        return
    content = with_final_fields(job.delivery, with_header(job, step.header))
    yield from file_message(owner, step, content, alone=alone)
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
        await send_notice(owner, job, (sender,), refusal(occasion(owner, job, sender), text))
        job.done["refuse"] = None
    return Delivered("refused, the sender is told")
