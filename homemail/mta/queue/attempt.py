# SPDX-License-Identifier: MIT
"""One attempt for one entry: every pending recipient routed, tried, and written down.

- What a next hop took is written before anything is removed or anybody told.
- The failed recipients' record is durable before their notification is sent, and the
  notification is durable before the entry goes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from operator import itemgetter
from typing import Protocol, assert_never

from homemail.config.queue import QueueSettings
from homemail.errors import MailError
from homemail.log import Log
from homemail.model.address import Address, ReversePath
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
from homemail.model.envelope import CONTENT_FILTER, Envelope, Notify, Recipient, Submit
from homemail.model.message import MessageContent
from homemail.model.queue import QueuedRecipient, QueueEntry, QueueState, RecipientStatus
from homemail.model.reply import Reply, reply_for
from homemail.mta.api import AliasTarget, Local, NextHop, Relay, Route, RouteRefused
from homemail.mta.next_hop import parse_transport
from homemail.mta.notification import DOUBLE_BOUNCE, Reporter, build_notification
from homemail.mta.queue.destinations import Destinations
from homemail.mta.queue.mail_log import outcome_line
from homemail.mta.queue.schedule import is_done, is_too_old, next_attempt, owed, owed_recipients
from homemail.mta.queue.spooled import SpooledQueue
from homemail.mta.sending.transport import Sent, Transport

LOCAL = "local"
_LANES = 100  # pieces of one entry that are under way or wait for their turn
_DEFERRED_TRANSPORT = Reply(450, "4.3.2", "deferred transport")
_KINDS = (Notify.FAILURE, Notify.SUCCESS, Notify.DELAY)

log = Log("queue")


class Routes(Protocol):
    """The router, as far as the queue needs it."""

    async def route(self, address: Address, sender: ReversePath) -> Route:
        """Return where mail from ``sender`` goes now. May raise any ``MailError``."""


class DeliverTarget(Protocol):
    """Does what a table of aliases names in place of an address; ``route.target`` says what."""

    async def __call__(
        self, target: str, recipient: Recipient, envelope: Envelope, content: MessageContent
    ) -> DeliveryResult:
        """Return what became of it; raises nothing but ``CancelledError``."""


async def serve_no_targets(
    target: str, recipient: Recipient, envelope: Envelope, content: MessageContent
) -> DeliveryResult:
    """Let whatever is no address wait: a ``DeliverTarget`` for a house without aliases."""
    return Deferred(Reply(451, "4.3.5", "programs, files and lists are not served here"))


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What every attempt works with. ``transports`` by the name in ``NextHop.transport``.

    ``submit`` takes the notifications, ``deliver_target`` what aliases name beside addresses.
    """

    queue: SpooledQueue
    submit: Submit
    routes: Routes
    deliver: Deliver
    deliver_target: DeliverTarget
    transports: Mapping[str, Transport]
    destinations: Destinations
    settings: QueueSettings
    hostname: str


_Outcome = tuple[int, RecipientStatus, Sent]  # the recipient's place in the entry comes first
_Piece = Callable[[], Awaitable[list[_Outcome]]]


class Attempt:
    """An attempt for ``entry``. ``flushed``: asked for, so nothing waits for a better time."""

    def __init__(self, around: Surroundings, entry: QueueEntry, *, flushed: bool) -> None:
        self._around = around
        self._entry = entry
        self._flushed = flushed
        self._opened: MessageContent | None = None

    async def run(self) -> None:
        """Try what is pending, and leave the entry removed, deferred, or as it was on an error."""
        pieces = await self._pieces()
        if pieces:
            await self._work(pieces)
            self._entry = replace(self._entry, attempts=self._entry.attempts + 1)
        self._give_up_if_old()
        await self._notify()
        await self._finish()

    async def _content(self) -> MessageContent:
        """Return the octets, opened when they are first wanted: many wait for their turn."""
        if self._opened is None:
            self._opened = await self._around.queue.content(self._entry.id)
        return self._opened

    async def _work(self, pieces: list[_Piece]) -> None:
        """Do many pieces at once; a fault in one does not keep the others from their end."""
        results: asyncio.Queue[list[_Outcome] | Exception] = asyncio.Queue()
        waiting = iter(pieces)
        lanes = [
            asyncio.ensure_future(_do_each(waiting, results))
            for _ in range(min(len(pieces), _LANES))
        ]
        fault: Exception | None = None
        left = len(pieces)
        try:
            while left:
                done = [await results.get()]
                done += [results.get_nowait() for _ in range(results.qsize())]
                left -= len(done)
                self._note([one for some in done if isinstance(some, list) for one in some])
                fault = next((one for one in done if isinstance(one, Exception)), fault)
                if left or fault:
                    await self._write_down()
        finally:
            for lane in lanes:
                lane.cancel()
        if fault is not None:
            raise fault

    async def _write_down(self) -> None:
        try:
            await self._around.queue.update(self._entry)
        except MailError as error:
            # It counts in memory; the next change that can be written brings it to the disk.
            log.warning("cannot write an outcome", trace=self._entry.id, reason=error)

    async def _pieces(self) -> list[_Piece]:
        """Return the work to do: local recipients, and transfers, of each destination in turn."""
        relays: dict[NextHop, list[int]] = {}
        pieces: list[_Piece] = []
        for index, queued in enumerate(self._entry.recipients):
            if queued.status is not RecipientStatus.PENDING:
                continue
            match await self._route(queued.recipient):
                case Local() as local:
                    pieces.append(partial(self._deliver, index, local))
                case Relay(next_hop):
                    relays.setdefault(next_hop, []).append(index)
                case RouteRefused(reply):
                    pieces.append(partial(_already, _outcome(index, Sent(reply))))
                case AliasTarget() as target:
                    pieces.append(partial(self._deliver_target, index, target))
                case other:
                    assert_never(other)
        limit = self._around.settings.default_destination_recipient_limit
        transfers = [
            (start, partial(self._relay, hop, indexes[start : start + limit]))
            for hop, indexes in relays.items()
            for start in range(0, len(indexes), limit)
        ]
        return pieces + [piece for _, piece in sorted(transfers, key=itemgetter(0))]

    async def _route(self, recipient: Recipient) -> Route:
        content_filter = self._entry.envelope.extra.get(CONTENT_FILTER)
        if content_filter is not None:
            return _filter_route(content_filter, recipient.forward_path)
        if recipient.target:
            return AliasTarget(recipient.target)
        sender = self._entry.envelope.reverse_path
        try:
            return await self._around.routes.route(recipient.forward_path, sender)
        except MailError as error:
            return RouteRefused(reply_for(error))

    async def _deliver(self, index: int, local: Local) -> list[_Outcome]:
        if self._waits(LOCAL):
            return [_outcome(index, Sent(_DEFERRED_TRANSPORT))]
        entry, recipient = self._entry, self._entry.recipients[index].recipient
        delivery = Delivery(
            id=delivery_id(entry.envelope, recipient),
            account=local.account,
            detail=local.detail,
            recipient=recipient,
            envelope=entry.envelope,
            alone=len(entry.recipients) == 1,
        )
        async with self._around.destinations.slot(f"{LOCAL}:{local.account}", entry.id):
            result = await self._around.deliver(delivery, await self._content())
        return _delivered(index, result, RecipientStatus.DELIVERED)

    async def _deliver_target(self, index: int, route: AliasTarget) -> list[_Outcome]:
        if self._waits(LOCAL):
            return [_outcome(index, Sent(_DEFERRED_TRANSPORT))]
        recipient = self._entry.recipients[index].recipient
        async with self._around.destinations.slot(f"{LOCAL}:{route.target}", self._entry.id):
            result = await self._around.deliver_target(
                route.target, recipient, self._entry.envelope, await self._content()
            )
        done = RecipientStatus.EXPANDED if route.is_list else RecipientStatus.DELIVERED
        return _delivered(index, result, done)

    async def _relay(self, next_hop: NextHop, indexes: list[int]) -> list[_Outcome]:
        transport = self._around.transports.get(next_hop.transport)
        if transport is None:
            reply = Reply(451, "4.3.5", f'there is no transport "{next_hop.transport}"')
            return [_outcome(index, Sent(reply)) for index in indexes]
        if self._waits(next_hop.transport):
            return [_outcome(index, Sent(_DEFERRED_TRANSPORT)) for index in indexes]
        destination = str(next_hop)
        async with self._around.destinations.slot(destination, self._entry.id):
            dead = self._around.destinations.dead(destination)
            if dead is not None and not self._flushed:
                return [_outcome(index, Sent(dead)) for index in indexes]
            recipients = tuple(self._entry.recipients[index].recipient for index in indexes)
            content = await self._content()
            sents = await transport(next_hop, self._entry.envelope, recipients, content)
            self._learn(destination, sents)
        return [_outcome(index, sent) for index, sent in zip(indexes, sents, strict=True)]

    def _waits(self, transport: str) -> bool:
        return transport in self._around.settings.defer_transports and not self._flushed

    def _learn(self, destination: str, sents: tuple[Sent, ...]) -> None:
        if not any(sent.unreachable for sent in sents):
            self._around.destinations.succeeded(destination)
        elif sents[0].reply.temporary:
            self._around.destinations.failed(destination, sents[0].reply)

    def _note(self, outcomes: list[_Outcome]) -> None:
        if not outcomes:
            return
        recipients = list(self._entry.recipients)
        for index, status, sent in outcomes:
            queued = recipients[index]
            # The next hop tells of the success where it takes the notifications over.
            took_over = status is RecipientStatus.RELAYED and sent.dsn
            notified = queued.notified | (Notify.SUCCESS if took_over else Notify.NEVER)
            recipients[index] = replace(
                queued, status=status, last_reply=sent.reply, notified=notified, relay=sent.relay
            )
            log.info(outcome_line(self._entry, recipients[index], datetime.now(UTC)))
        self._entry = replace(self._entry, recipients=tuple(recipients))

    def _give_up_if_old(self) -> None:
        if not self._entry.pending or not is_too_old(self._entry, self._around.settings):
            return
        log.info(f"{self._entry.id}: status=expired, returned to sender")
        recipients = tuple(
            replace(queued, status=RecipientStatus.FAILED)
            if queued.status is RecipientStatus.PENDING
            else queued
            for queued in self._entry.recipients
        )
        self._entry = replace(self._entry, recipients=recipients)

    async def _notify(self) -> None:
        if self._entry.envelope.reverse_path is None:
            await self._tell_postmaster()
        kinds = owed(self._entry, self._around.settings)
        if not kinds:
            return
        await self._around.queue.update(self._entry)
        for kind in _KINDS:
            if kind in kinds:
                about = owed_recipients(self._entry, kind, self._around.settings)
                await self._send(kind, about)

    async def _tell_postmaster(self) -> None:
        """Tell of what failed and has no sender; when that fails too, nobody is told."""
        settings, envelope = self._around.settings, self._entry.envelope
        about = [one for one in self._entry.recipients if one.status is RecipientStatus.FAILED]
        about = [one for one in about if Notify.FAILURE not in one.notified]
        recipient = settings.double_bounce_notice_recipient
        if not about or not recipient or DOUBLE_BOUNCE in envelope.extra:
            return
        if "@" not in recipient:
            recipient = f"{recipient}@{self._around.hostname}"
        await self._send(Notify.FAILURE, about, Address.parse(recipient))

    async def _send(
        self, kind: Notify, about: Sequence[QueuedRecipient], postmaster: Address | None = None
    ) -> None:
        settings = self._around.settings
        reporter = Reporter(
            self._around.hostname, settings.bounce_size_limit, settings.maximal_queue_lifetime
        )
        envelope, notification = await asyncio.to_thread(
            build_notification,
            self._entry,
            kind,
            about,
            await self._content(),
            reporter,
            datetime.now(UTC),
            postmaster,
        )
        await self._around.submit(envelope, notification)
        whom = "postmaster" if postmaster else "sender"
        log.info(f"{self._entry.id}: {whom} notification ({kind.name}): {envelope.trace}")
        told = {queued.recipient for queued in about}
        recipients = tuple(
            replace(queued, notified=queued.notified | kind) if queued.recipient in told else queued
            for queued in self._entry.recipients
        )
        self._entry = replace(self._entry, recipients=recipients)

    async def _finish(self) -> None:
        if not is_done(self._entry):
            now = self._around.queue.line.now()
            until = next_attempt(self._entry.age, now, self._around.settings)
            self._entry = replace(self._entry, state=QueueState.DEFERRED, next_attempt=until)
        await self._around.queue.update(self._entry)
        if is_done(self._entry):
            log.info(f"{self._entry.id}: removed")


def _outcome(index: int, sent: Sent) -> _Outcome:
    if sent.reply.positive:
        return index, RecipientStatus.RELAYED, sent
    if sent.reply.permanent:
        return index, RecipientStatus.FAILED, sent
    return index, RecipientStatus.PENDING, sent


def _delivered(index: int, result: DeliveryResult, done: RecipientStatus) -> list[_Outcome]:
    match result:
        case Delivered(what):
            return [(index, done, Sent(Reply(250, "2.0.0", what)))]
        case Deferred(reply) | Rejected(reply):
            return [_outcome(index, Sent(reply))]
        case NeedsQueue():
            return [_outcome(index, Sent(Reply(451, "4.3.0", "the mailbox asked for later")))]
        case other:
            assert_never(other)


def _filter_route(destination: str, address: Address) -> Route:
    try:
        return Relay(parse_transport(destination, address.domain.name))
    except ValueError as error:
        return RouteRefused(Reply(451, "4.3.5", f"the filter cannot be used: {error}"))


async def _do_each(
    pieces: Iterator[_Piece], results: asyncio.Queue[list[_Outcome] | Exception]
) -> None:
    for piece in pieces:
        try:
            results.put_nowait(await piece())
        except Exception as error:
            results.put_nowait(error)


async def _already(outcome: _Outcome) -> list[_Outcome]:
    return [outcome]
