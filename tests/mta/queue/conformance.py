# SPDX-License-Identifier: MIT
"""What every ``Queue`` must do; run over the one on disk and the one in memory."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from homemail.errors import Temporary
from homemail.model.envelope import Notify
from homemail.model.message import MemoryContent, PrefixedContent, read_all
from homemail.model.queue import QueueState, RecipientStatus
from homemail.model.reply import Reply
from tests.mta.queue.samples import CONTENT, FULL, envelope


def settled(entry, *statuses, reply=None):
    return [
        replace(queued, status=status, last_reply=reply)
        for queued, status in zip(entry.recipients, statuses, strict=True)
    ]


class QueueConformance:
    async def opened(self):
        raise NotImplementedError

    def run(self, body):
        async def wrapped():
            queue = await self.opened()
            try:
                await body(queue)
            finally:
                await queue.close()

        asyncio.run(wrapped())

    def test_add_keeps_envelope_and_octets(self):
        async def body(queue):
            content = PrefixedContent(b"Received: here\r\n", CONTENT)
            queue_id = await queue.add(FULL, content)
            assert queue_id == "FULL1"
            (entry,) = await queue.entries()
            assert entry.envelope == FULL
            assert [queued.recipient for queued in entry.recipients] == list(FULL.recipients)
            assert (entry.state, entry.size) == (QueueState.INCOMING, content.size)
            kept = await queue.content(queue_id)
            assert read_all(kept) == read_all(content)

        self.run(body)

    def test_empty_content(self):
        async def body(queue):
            queue_id = await queue.add(envelope("bob@far.test"), MemoryContent(b""))
            assert read_all(await queue.content(queue_id)) == b""

        self.run(body)

    def test_a_trace_is_taken_once(self):
        async def body(queue):
            first = envelope("bob@far.test")
            answers = await asyncio.gather(
                queue.add(first, CONTENT), queue.add(first, CONTENT), return_exceptions=True
            )
            assert [type(answer) for answer in answers] == [str, Temporary]
            with pytest.raises(Temporary):
                await queue.add(first, CONTENT)
            assert len(await queue.entries()) == 1

        self.run(body)

    def test_dormant_waits_for_activate(self):
        async def body(queue):
            due = []
            queue_id = await queue.add(envelope("a@x.test", "b@x.test"), CONTENT, dormant=True)
            queue.on_due = lambda: due.append(True)
            assert queue.next_due() is None
            (entry,) = await queue.entries()
            assert entry.state is QueueState.DORMANT
            outcome = settled(entry, RecipientStatus.DELIVERED, RecipientStatus.PENDING)
            await queue.activate(queue_id, outcome)
            (entry,) = await queue.entries()
            assert entry.state is QueueState.INCOMING
            assert [queued.recipient.forward_path.local_part for queued in entry.pending] == ["b"]
            assert due
            assert queue.take_due().id == queue_id
            assert queue.take_due() is None

        self.run(body)

    def test_activate_removes_what_is_done(self):
        async def body(queue):
            queue_id = await queue.add(envelope("a@x.test"), CONTENT, dormant=True)
            (entry,) = await queue.entries()
            await queue.activate(queue_id, settled(entry, RecipientStatus.DELIVERED))
            assert await queue.entries() == []
            with pytest.raises(Temporary):
                await queue.activate(queue_id, settled(entry, RecipientStatus.DELIVERED))
            with pytest.raises(Temporary):
                await queue.content(queue_id)

        self.run(body)

    def test_activate_keeps_a_failure_that_must_be_told(self):
        async def body(queue):
            queue_id = await queue.add(envelope("a@x.test"), CONTENT, dormant=True)
            (entry,) = await queue.entries()
            reply = Reply(550, "5.1.1", "no such user\nat all")
            await queue.activate(queue_id, settled(entry, RecipientStatus.FAILED, reply=reply))
            (entry,) = await queue.entries()
            assert entry.recipients[0].last_reply == reply
            told = replace(entry.recipients[0], notified=Notify.FAILURE)
            await queue.update(replace(entry, recipients=(told,)))
            assert await queue.entries() == []

        self.run(body)

    def test_flush_makes_deferred_due_and_leaves_hold(self):
        async def body(queue):
            for state in (QueueState.DEFERRED, QueueState.HOLD):
                queue_id = await queue.add(envelope("a@x.test"), CONTENT)
                entry = queue.entry(queue_id)
                await queue.update(replace(entry, state=state, next_attempt=9e9))
            await queue.flush()
            entry = queue.take_due()
            assert queue.take_due() is None
            assert entry.next_attempt <= queue.line.now()
            assert queue.take_flushed(entry.id)
            assert not queue.take_flushed(entry.id)

        self.run(body)

    def test_hold_release_retry(self):
        async def body(queue):
            queue_id = await queue.add(envelope("a@x.test"), CONTENT)
            await queue.retry(queue_id)
            await queue.hold(queue_id)
            assert queue.entry(queue_id).state is QueueState.HOLD
            assert queue.take_due() is None
            await queue.retry(queue_id)
            assert queue.take_due() is None
            await queue.release(queue_id)
            active = queue.take_due()
            assert queue.take_flushed(active.id)
            await queue.update(replace(active, state=QueueState.DEFERRED, next_attempt=9e9))
            assert queue.take_due() is None
            await queue.retry(queue_id)
            assert queue.take_due().id == queue_id

        self.run(body)

    def test_hold_of_what_is_being_tried(self):
        async def body(queue):
            queue_id = await queue.add(envelope("a@x.test"), CONTENT)
            active = queue.take_due()
            await queue.hold(queue_id)
            assert queue.entry(queue_id).state is QueueState.ACTIVE
            await queue.update(replace(active, state=QueueState.DEFERRED))
            assert queue.entry(queue_id).state is QueueState.HOLD
            dormant = await queue.add(envelope("a@x.test"), CONTENT, dormant=True)
            await queue.hold(dormant)
            await queue.activate(dormant, queue.entry(dormant).recipients)
            assert queue.entry(dormant).state is QueueState.HOLD

        self.run(body)

    def test_what_is_not_there(self):
        async def body(queue):
            queue_id = await queue.add(envelope("a@x.test"), CONTENT)
            entry = queue.entry(queue_id)
            await queue.remove(queue_id)
            for ask in (queue.hold, queue.release, queue.retry):
                with pytest.raises(Temporary):
                    await ask(queue_id)
            with pytest.raises(Temporary):
                await queue.update(entry)

        self.run(body)

    def test_a_content_stays_readable_after_the_removal(self):
        async def body(queue):
            queue_id = await queue.add(envelope("a@x.test"), CONTENT)
            content = await queue.content(queue_id)
            await queue.remove(queue_id)
            assert read_all(content) == read_all(CONTENT)

        self.run(body)

    def test_entries_are_in_order_of_arrival(self):
        async def body(queue):
            ids = [await queue.add(envelope("a@x.test"), CONTENT) for _ in range(5)]
            assert [entry.id for entry in await queue.entries()] == ids

        self.run(body)

    def test_many_at_once(self):
        async def body(queue):
            adds = (queue.add(envelope("a@x.test"), CONTENT) for _ in range(50))
            ids = await asyncio.gather(*adds)
            assert {entry.id for entry in await queue.entries()} == set(ids)

        self.run(body)

    def test_an_add_that_is_cancelled_leaves_nothing(self):
        async def body(queue):
            task = asyncio.ensure_future(queue.add(envelope("a@x.test"), CONTENT))
            await asyncio.sleep(0)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            while queue._pending_drops:
                await asyncio.wait(queue._pending_drops)
            assert await queue.entries() == []

        self.run(body)
