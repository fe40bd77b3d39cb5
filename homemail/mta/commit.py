# SPDX-License-Identifier: MIT
"""The commit of a message: queue what leaves, deliver what is for here, answer.

The order holds whatever fails (docs/flows/mail-arrives.md):

1. What leaves is queued, and every recipient where there is more than one, in a dormant entry. A
   failure here is a 4xx with nothing filed.
2. The accounts' workers deliver, in parallel, within 20 s. One that is late goes on: the queue
   brings the same delivery id again, and the worker joins it instead of filing twice.
3. The entry is told what became of each, and goes on with what remains.

A lone recipient here needs no entry: what its worker says is the reply.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import assert_never

from homemail.errors import MailError
from homemail.log import Log
from homemail.model.delivery import (
    Deferred,
    Deliver,
    Delivered,
    Delivery,
    DeliveryResult,
    NeedsQueue,
    Rejected,
    delivery_id,
)
from homemail.model.envelope import Envelope, Notify, Recipient
from homemail.model.message import MessageContent
from homemail.model.queue import QueuedRecipient, RecipientStatus
from homemail.model.reply import Reply, reply_for
from homemail.mta.api import Accepted, Local, Queue

DELIVERY_SECONDS = 20.0
"""How long the client waits for the workers; it may wait ten minutes (RFC 5321 §4.5.3.2.6)."""

LOCAL_TROUBLE = Reply(451, "4.3.0", "Local trouble, try again later")

_log = Log("smtpd")


class Commit:
    """Puts accepted messages where they belong."""

    def __init__(
        self, queue: Queue, deliver: Deliver, *, delivery_seconds: float = DELIVERY_SECONDS
    ) -> None:
        self._queue = queue
        self._deliver = deliver
        self._delivery_seconds = delivery_seconds
        self._late: set[asyncio.Task[DeliveryResult]] = set()

    async def together(
        self, envelope: Envelope, accepted: Sequence[Accepted], content: MessageContent
    ) -> Reply:
        """Return the one reply for all recipients (SMTP)."""
        try:
            if len(accepted) == 1 and isinstance(accepted[0].route, Local):
                return await self._lone(envelope, accepted[0], content)
            return await self._several(envelope, accepted, content)
        except MailError as error:
            _log.error("not accepted", trace=envelope.trace, error=error, cause=error.__cause__)
            return reply_for(error)
        except Exception:
            _log.exception("not accepted", trace=envelope.trace)
            return LOCAL_TROUBLE

    async def each(
        self, envelope: Envelope, accepted: Sequence[Accepted], content: MessageContent
    ) -> list[Reply]:
        """Return a reply for each recipient, all of them here (LMTP)."""
        results = await self._deliver_all(envelope, accepted, content, alone=True)
        waiting = tuple(
            one.recipient
            for one, result in zip(accepted, results, strict=True)
            if isinstance(result, NeedsQueue)
        )
        queued = Reply(250, "2.0.0", f"Ok: queued as {envelope.trace}")
        if waiting:
            queued = await self._queue_for(waiting, envelope, content)
        return [_own_reply(envelope, result, queued) for result in results]

    async def queue(self, envelope: Envelope, content: MessageContent, *, hold: bool) -> Reply:
        """Return the reply to a message that goes to the queue whatever its recipients are."""
        return await self._queue_for(envelope.recipients, envelope, content, hold=hold)

    async def _queue_for(
        self,
        recipients: tuple[Recipient, ...],
        envelope: Envelope,
        content: MessageContent,
        *,
        hold: bool = False,
    ) -> Reply:
        try:
            await self._queue.add(replace(envelope, recipients=recipients), content, hold=hold)
        except MailError as error:
            _log.error("cannot queue", trace=envelope.trace, error=error, cause=error.__cause__)
            return reply_for(error)
        except Exception:
            _log.exception("cannot queue", trace=envelope.trace)
            return LOCAL_TROUBLE
        return _accepted(envelope)

    async def _lone(self, envelope: Envelope, one: Accepted, content: MessageContent) -> Reply:
        (result,) = await self._deliver_all(envelope, [one], content, alone=True)
        if isinstance(result, NeedsQueue):
            await self._queue.add(envelope, content)
        elif isinstance(result, Delivered) and Notify.SUCCESS in one.recipient.notify:
            await self._report(envelope, one, content)
        return _own_reply(envelope, result, _accepted(envelope))

    async def _report(self, envelope: Envelope, one: Accepted, content: MessageContent) -> None:
        """Have the queue send the notification of success that the sender asked for."""
        done = QueuedRecipient(one.recipient, RecipientStatus.DELIVERED)
        try:
            queue_id = await self._queue.add(envelope, content, dormant=True)
            await self._queue.activate(queue_id, [done])
        except Exception:  # the message is filed: a 4xx now would file it twice
            _log.exception("cannot report success", trace=envelope.trace)

    async def _several(
        self, envelope: Envelope, accepted: Sequence[Accepted], content: MessageContent
    ) -> Reply:
        here = [one for one in accepted if isinstance(one.route, Local)]
        queue_id = await self._queue.add(envelope, content, dormant=bool(here))
        if here:
            results = await self._deliver_all(envelope, here, content, alone=False)
            done = {
                one.recipient: _queued(one, result, envelope)
                for one, result in zip(here, results, strict=True)
            }
            recipients = [
                done.get(one.recipient) or QueuedRecipient(one.recipient) for one in accepted
            ]
            try:
                await self._queue.activate(queue_id, recipients)
            except Exception:  # kept and in part filed: only a 250 loses and doubles nothing
                _log.exception("cannot activate the queue entry", trace=envelope.trace)
        return _accepted(envelope)

    async def _deliver_all(
        self,
        envelope: Envelope,
        accepted: Sequence[Accepted],
        content: MessageContent,
        *,
        alone: bool,
    ) -> list[DeliveryResult]:
        tasks = [
            asyncio.ensure_future(self._deliver_one(envelope, one, content, alone))
            for one in accepted
        ]
        self._late.update(tasks)
        for task in tasks:
            task.add_done_callback(self._late.discard)
        await asyncio.wait(tasks, timeout=self._delivery_seconds)
        return [task.result() if task.done() else NeedsQueue() for task in tasks]

    async def _deliver_one(
        self, envelope: Envelope, one: Accepted, content: MessageContent, alone: bool
    ) -> DeliveryResult:
        route = one.route
        if not isinstance(route, Local):
            return NeedsQueue()
        delivery = Delivery(
            delivery_id(envelope, one.recipient),
            route.account,
            route.detail,
            one.recipient,
            envelope,
            sender_waits=True,
            alone=alone,
        )
        try:
            return await self._deliver(delivery, content)
        except Exception:
            _log.exception("delivery failed", trace=envelope.trace, account=route.account)
            return Deferred(LOCAL_TROUBLE)


def _accepted(envelope: Envelope) -> Reply:
    return Reply(250, "2.0.0", f"Ok: queued as {envelope.trace}")


def _own_reply(envelope: Envelope, result: DeliveryResult, queued: Reply) -> Reply:
    """Return the reply to a recipient that has one of its own."""
    match result:
        case Delivered():
            return _accepted(envelope)
        case NeedsQueue():
            return queued
        case Deferred(reply) | Rejected(reply):
            return reply
        case _:
            assert_never(result)


def _queued(one: Accepted, result: DeliveryResult, envelope: Envelope) -> QueuedRecipient:
    """Return what the queue entry keeps of a recipient."""
    match result:
        case Delivered():
            return QueuedRecipient(one.recipient, RecipientStatus.DELIVERED, _accepted(envelope))
        case NeedsQueue():
            return QueuedRecipient(one.recipient)
        case Deferred(reply):
            return QueuedRecipient(one.recipient, RecipientStatus.PENDING, reply)
        case Rejected(reply):
            return QueuedRecipient(one.recipient, RecipientStatus.FAILED, reply)
        case _:
            assert_never(result)
