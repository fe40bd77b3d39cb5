# SPDX-License-Identifier: MIT
from __future__ import annotations

import asyncio
import email
import email.policy
from collections import defaultdict

import pytest

from homemail.config.queue import QueueSettings
from homemail.errors import StorageFull, TableUnavailable
from homemail.model.delivery import Deferred, Delivered, NeedsQueue, Rejected
from homemail.model.envelope import Notify, Origin
from homemail.model.message import read_all
from homemail.model.queue import QueueState
from homemail.model.reply import Reply
from homemail.mta.api import Local, NextHop, Relay, RouteRefused
from homemail.mta.queue.line_clock import LineClock
from homemail.mta.queue.runner import QueueRunner
from homemail.mta.queue.spool import Change
from homemail.mta.queue.spooled import memory_queue
from homemail.mta.sending.transport import Sent
from tests.mta.queue.samples import CONTENT, FakeTime, envelope, recipient

OK = Sent(Reply(250, "2.0.0", "taken"), "mx.far.test[192.0.2.1]:25")
BUSY = Sent(Reply(451, "4.3.2", "busy"), "mx.far.test[192.0.2.1]:25")
NEVER = Sent(Reply(550, "5.1.1", "no such user"), "mx.far.test[192.0.2.1]:25")
DEAD = Sent(Reply(451, "4.4.1", "connect to mx.far.test: Connection refused"), unreachable=True)


class House:
    """A queue with its runner, in which every part besides is a fake that is told what to say."""

    def __init__(self, **settings):
        self.time = FakeTime()
        self.queue = memory_queue(LineClock(self.time))
        self.answers = defaultdict(lambda: OK)
        self.local_answers = defaultdict(lambda: Delivered("filed into INBOX"))
        self.transfers, self.deliveries = [], []
        self.route_error = None
        self.runner = QueueRunner(
            self.queue,
            self,
            self.deliver,
            {"smtp": self.transport},
            QueueSettings(**settings),
            "mail.home.test",
        )

    async def route(self, address, sender):
        if self.route_error:
            raise self.route_error
        if address.domain.name == "home.test":
            return Local(address.local_part, None, address)
        if address.domain.name == "refused.test":
            return RouteRefused(Reply(550, "5.1.2", "that place is closed"))
        return Relay(NextHop("smtp", address.domain.name))

    async def transport(self, next_hop, sample, recipients, content):
        self.transfers.append((next_hop.host, [one.forward_path.local_part for one in recipients]))
        assert read_all(content)
        answers = [self.answers[one.forward_path.local_part] for one in recipients]
        for answer in answers:
            if isinstance(answer, Exception):
                raise answer
        return tuple(answers)

    async def deliver(self, delivery, content):
        assert not delivery.sender_waits
        self.deliveries.append((delivery, read_all(content)))
        return self.local_answers[delivery.account]

    async def send(self, *recipients, **fields):
        return await self.queue.add(envelope(*recipients, **fields), CONTENT)

    async def later(self, seconds):
        self.time.seconds += seconds
        await self.runner.run_due()

    async def states(self):
        return {entry.id: entry.state for entry in await self.queue.entries()}

    def notices(self):
        """Return what was delivered to alice, who sends everything here."""
        return [
            (delivery.envelope, email.message_from_bytes(octets, policy=email.policy.default))
            for delivery, octets in self.deliveries
            if delivery.envelope.origin is Origin.NOTIFICATION
        ]


def house(body, **settings):
    async def run():
        built = House(**settings)
        await body(built)
        await built.runner.close()
        await built.queue.close()

    asyncio.run(run())


def test_sent_and_gone():
    async def body(house):
        await house.send("bob@far.test", "carol@home.test", "dave@far.test")
        await house.runner.run_due()
        assert house.transfers == [("far.test", ["bob", "dave"])]
        assert [delivery.account for delivery, _ in house.deliveries] == ["carol"]
        assert await house.states() == {}

    house(body)


def test_deferred_waits_as_long_as_it_is_old():
    async def body(house):
        house.answers["bob"] = BUSY
        queue_id = await house.send("bob@far.test", "carol@far.test")
        await house.runner.run_due()
        entry = house.queue.entry(queue_id)
        assert (entry.state, entry.attempts, entry.next_attempt) == (QueueState.DEFERRED, 1, 300.0)
        assert [one.recipient.forward_path.local_part for one in entry.pending] == ["bob"]
        assert entry.recipients[0].reason.endswith("said: 451 4.3.2 busy")
        await house.later(299)
        assert len(house.transfers) == 1
        await house.later(1)
        assert house.transfers[1:] == [("far.test", ["bob"])]
        waits = []
        for _ in range(6):
            before = house.queue.line.now()
            wait = house.queue.entry(queue_id).next_attempt - before
            waits.append(wait)
            await house.later(wait)
        assert waits == [300, 600, 1200, 2400, 4000, 4000]
        assert house.notices() == []

    house(body)


def test_a_failure_is_told_to_the_sender():
    async def body(house):
        house.answers["bob"] = NEVER
        queue_id = await house.send("bob@far.test", "carol@far.test")
        await house.runner.run_due()
        assert await house.states() == {}
        ((sample, message),) = house.notices()
        assert (sample.reverse_path, sample.parent) == (None, queue_id)
        assert "<bob@far.test>: host mx.far.test[192.0.2.1]:25 said: 550" in str(message)
        assert "carol" not in message.get_payload(0).get_content()

    house(body)


def test_a_refused_route_is_a_failure():
    async def body(house):
        await house.send("bob@refused.test")
        await house.runner.run_due()
        ((_, message),) = house.notices()
        assert "that place is closed" in str(message)

    house(body)


def test_a_table_that_is_down_defers():
    async def body(house):
        house.route_error = TableUnavailable("the table is away")
        queue_id = await house.send("bob@far.test")
        await house.runner.run_due()
        assert house.queue.entry(queue_id).recipients[0].reason == "the table is away"
        house.route_error = None
        await house.later(300)
        assert await house.states() == {}

    house(body)


def test_nothing_is_said_against_the_wish():
    async def body(house):
        house.answers["bob"] = NEVER
        await house.send(recipient("bob@far.test", notify=Notify.NEVER))
        await house.runner.run_due()
        assert await house.states() == {}
        assert house.deliveries == []

    house(body)


def test_success_is_told_where_it_is_wanted():
    async def body(house):
        await house.send(recipient("bob@far.test", notify=Notify.SUCCESS))
        house.answers["carol"] = Sent(OK.reply, OK.relay, dsn=True)
        await house.send(recipient("carol@other.test", notify=Notify.SUCCESS))
        await house.runner.run_due()
        assert await house.states() == {}
        ((_, message),) = house.notices()
        assert message["Subject"] == "Successful Mail Delivery Report"
        assert "Action: relayed" in str(message)
        assert "bob@far.test" in str(message)

    house(body)


def test_too_old_fails_and_a_delay_is_told_once():
    async def body(house):
        house.answers["bob"] = BUSY
        await house.send("bob@far.test")
        for _ in range(30):
            await house.later(4000)
        subjects = [message["Subject"] for _, message in house.notices()]
        assert subjects == [
            "Delayed Mail (still being retried)",
            "Undelivered Mail Returned to Sender",
        ]
        assert await house.states() == {}

    house(body, delay_warning_time=14400.0, maximal_queue_lifetime=86400.0)


def test_local_outcomes():
    async def body(house):
        house.local_answers["later"] = Deferred(Reply(452, "4.2.2", "full"))
        house.local_answers["never"] = Rejected(Reply(550, "5.2.1", "closed"))
        house.local_answers["again"] = NeedsQueue()
        queue_id = await house.send("later@home.test", "never@home.test", "again@home.test")
        await house.runner.run_due()
        entry = house.queue.entry(queue_id)
        pending = [one.recipient.forward_path.local_part for one in entry.pending]
        assert pending == ["later", "again"]
        assert len(house.notices()) == 1
        first = {delivery.id for delivery, _ in house.deliveries}
        house.deliveries.clear()
        await house.later(300)
        assert {delivery.id for delivery, _ in house.deliveries} < first

    house(body)


def test_deferred_transports_wait_for_a_flush():
    async def body(house):
        queue_id = await house.send("bob@far.test", "carol@home.test")
        await house.runner.run_due()
        await house.later(4000)
        assert house.transfers == []
        assert len(house.deliveries) == 1
        assert house.queue.entry(queue_id).recipients[0].reason == "deferred transport"
        await house.queue.flush()
        await house.runner.run_due()
        assert house.transfers == [("far.test", ["bob"])]
        assert await house.states() == {}

    house(body, defer_transports=("smtp",))


def test_a_dead_destination_is_left_alone_until_a_flush():
    async def body(house):
        house.answers["bob"] = DEAD
        await house.send("bob@far.test")
        await house.runner.run_due()
        for _ in range(3):
            await house.send("carol@far.test")
        await house.runner.run_due()
        assert len(house.transfers) == 1
        await house.queue.flush()
        await house.runner.run_due()
        assert len(house.transfers) == 5

    house(body)


def test_an_unknown_transport_defers():
    async def body(house):
        async def route(address, sender):
            return Relay(NextHop("uucp", "far"))

        house.route = route
        queue_id = await house.send("bob@far.test")
        await house.runner.run_due()
        assert 'no transport "uucp"' in house.queue.entry(queue_id).recipients[0].reason

    house(body)


def test_poison_goes_on_hold_and_stops_nothing_else(caplog):
    async def body(house):
        house.answers["bob"] = RuntimeError("fault of ours")
        poison = await house.send("bob@far.test", "carol@other.test")
        for _ in range(5):
            await house.later(4000)
        other = await house.send("dave@far.test")
        await house.runner.run_due()
        assert await house.states() == {poison: QueueState.HOLD}
        assert other not in await house.states()
        delivered = [names for _, names in house.transfers]
        assert delivered.count(["bob"]) == 3
        assert delivered.count(["carol"]) == 1

    house(body)
    assert "put on hold" in caplog.text


def test_a_full_disk_sends_nothing_twice():
    async def body(house):
        house.answers["carol"] = BUSY
        apply = house.queue._spool.apply
        house.queue._spool.apply = lambda batch: [
            StorageFull("no space") if isinstance(operation, Change) else None
            for operation, _ in zip(batch, apply(batch), strict=True)
        ]
        queue_id = await house.send("bob@far.test", "carol@other.test", "dave@home.test")
        await house.runner.run_due()
        assert house.queue.entry(queue_id).state is QueueState.DEFERRED
        assert len(house.queue.entry(queue_id).pending) == 1
        house.queue._spool.apply = apply
        house.answers["carol"] = OK
        await house.later(300)
        assert sorted(names for _, names in house.transfers) == [["bob"], ["carol"], ["carol"]]
        assert len(house.deliveries) == 1
        assert await house.states() == {}

    house(body)


def test_a_notification_that_cannot_be_kept_is_made_later():
    async def body(house):
        house.answers["bob"] = NEVER
        queue_id = await house.send("bob@far.test")
        add = house.queue.add

        async def full(sample, content, *, dormant=False):
            raise StorageFull("no space")

        house.queue.add = full
        await house.runner.run_due()
        assert house.queue.entry(queue_id).pending == ()
        house.queue.add = add
        await house.later(300)
        assert len(house.notices()) == 1
        assert len(house.transfers) == 1
        assert await house.states() == {}

    house(body)


def test_long_lists_go_in_pieces():
    async def body(house):
        await house.send(*(f"user{n}@far.test" for n in range(25)))
        await house.runner.run_due()
        assert sorted(len(names) for _, names in house.transfers) == [5, 10, 10]

    house(body, default_destination_recipient_limit=10)


def test_connections_to_one_destination_are_limited():
    async def body(house):
        busy, most = 0, 0
        gate, full = asyncio.Event(), asyncio.Event()

        async def slow(next_hop, sample, recipients, content):
            nonlocal busy, most
            busy += 1
            if busy == 2:
                full.set()
            most = max(most, busy)
            await gate.wait()
            busy -= 1
            return (OK,)

        house.runner._around.transports["smtp"] = slow
        for _ in range(6):
            await house.send("bob@far.test")
        task = asyncio.ensure_future(house.runner.run_due())
        await full.wait()
        gate.set()
        await task
        assert most == 2
        assert await house.states() == {}

    house(body, default_destination_concurrency_limit=2)


def test_the_loop_wakes_up_for_new_mail():
    async def body(house):
        house.runner.start()
        gone = asyncio.Event()
        update = house.queue.update

        async def watched(entry, **fields):
            await update(entry, **fields)
            gone.set()

        house.queue.update = watched
        await house.send("bob@far.test")
        await asyncio.wait_for(gone.wait(), 5)
        assert house.transfers == [("far.test", ["bob"])]

    house(body)


def test_an_activated_failure_is_told():
    async def body(house):
        from homemail.model.queue import QueuedRecipient, RecipientStatus

        sample = envelope("bob@home.test", "carol@home.test")
        queue_id = await house.queue.add(sample, CONTENT, dormant=True)
        await house.runner.run_due()
        assert house.deliveries == []
        reply = Reply(552, "5.2.2", "mailbox full")
        await house.queue.activate(
            queue_id,
            [
                QueuedRecipient(sample.recipients[0], RecipientStatus.DELIVERED),
                QueuedRecipient(sample.recipients[1], RecipientStatus.FAILED, reply),
            ],
        )
        await house.runner.run_due()
        ((_, message),) = house.notices()
        assert "<carol@home.test>: mailbox full" in str(message)
        assert await house.states() == {}

    house(body)


def test_log_lines_look_like_a_mail_log(caplog):
    caplog.set_level("INFO")

    async def body(house):
        queue_id = await house.send("bob@far.test")
        await house.runner.run_due()
        text = caplog.text
        assert f"{queue_id}: from=<alice@home.test>, size={CONTENT.size}, nrcpt=1" in text
        assert f"{queue_id}: to=<bob@far.test>, relay=mx.far.test[192.0.2.1]:25, delay=" in text
        assert "dsn=2.0.0, status=sent (250 2.0.0 taken)" in text
        assert f"{queue_id}: removed" in text

    house(body)


@pytest.mark.parametrize("seconds", [0.0, 0.01])
def test_close_breaks_off_what_hangs(monkeypatch, seconds):
    monkeypatch.setattr("homemail.mta.queue.runner._CLOSE_SECONDS", seconds)

    async def body(house):
        begun = asyncio.Event()

        async def hangs(next_hop, sample, recipients, content):
            begun.set()
            await asyncio.Event().wait()

        house.runner._around.transports["smtp"] = hangs
        queue_id = await house.send("bob@far.test")
        house.runner.start()
        await begun.wait()
        await house.runner.close()
        assert [entry.id for entry in await house.queue.entries()] == [queue_id]

    house(body)


def test_a_list_of_many_does_not_hold_up_a_letter():
    async def body(house):
        hosts = [f"bob@d{n % 40}.test" for n in range(2000)]
        started = []
        answer = house.transport

        async def transport(next_hop, sample, recipients, content):
            started.append(sample.trace)
            await asyncio.sleep(0)
            return await answer(next_hop, sample, recipients, content)

        async def content(queue_id):  # at once: what takes long here is the transfers
            return CONTENT

        house.queue.content = content
        house.runner._around.transports["smtp"] = transport
        many = await house.send(*hosts)
        letter = await house.send("bob@far.test")
        await house.runner.run_due()
        assert await house.states() == {}
        assert started.index(letter) <= 4
        assert started.count(many) == 40

    house(body, default_process_limit=2)


@pytest.mark.slow
def test_ten_thousand_recipients_are_written_down():
    async def body(house):
        house.answers["r7"] = BUSY
        queue_id = await house.send(*(f"r{n}@d{n % 500}.test" for n in range(10_000)))
        await house.runner.run_due()
        entry = house.queue.entry(queue_id)
        assert [one.recipient.forward_path.local_part for one in entry.pending] == ["r7"]
        assert len(house.transfers) == 500

    house(body)


def test_the_postmaster_is_told_of_what_has_no_sender_once():
    async def body(house):
        house.answers["bob"] = NEVER
        await house.send("bob@far.test", "carol@far.test", sender=None)
        house.local_answers["postmaster"] = Rejected(Reply(550, "5.2.1", "nobody reads it"))
        await house.runner.run_due()
        assert await house.states() == {}
        ((_, message),) = house.notices()
        assert message["To"] == "postmaster@home.test"
        assert "bob@far.test" in str(message)

    house(body, double_bounce_notice_recipient="postmaster@home.test")


def test_nobody_need_be_told_of_what_has_no_sender():
    async def body(house):
        house.answers["bob"] = NEVER
        await house.send("bob@far.test", sender=None)
        await house.runner.run_due()
        assert await house.states() == {}
        assert house.deliveries == []

    house(body, double_bounce_notice_recipient="")
