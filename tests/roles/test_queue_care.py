# SPDX-License-Identifier: MIT
"""What ``homemail queue hold|release|retry|remove|flush`` does to the queue."""

from __future__ import annotations

import asyncio

from homemail.model.address import Address
from homemail.model.envelope import Envelope, Origin, Recipient, new_trace
from homemail.model.message import MemoryContent
from homemail.model.queue import QueueState
from homemail.mta.queue.spooled import memory_queue
from homemail.roles.queue_care import care

ENVELOPE = Envelope(
    Address.parse("ann@elsewhere.example"),
    (Recipient(Address.parse("friend@third.example")),),
    new_trace(),
    Origin.SUBMISSION,
)


def play(*requests: dict[str, object], active: bool = False):
    """Return the answers to ``requests``, and the entry's state after each; None: it is gone."""

    async def run():
        queue = memory_queue()
        queue_id = await queue.add(ENVELOPE, MemoryContent(b"Subject: x\r\n\r\ny\r\n"))
        if active:
            queue.take_due()
        told = []
        for request in requests:
            asked = {**request, "ids": [queue_id]} if "ids" not in request else request
            events = [event async for event in care(queue, asked)]
            entry = queue.entry(queue_id)
            told.append((events, entry.state if entry else None))
        await queue.close()
        return queue_id, told

    return asyncio.run(run())


def test_hold_and_release():
    queue_id, told = play({"do": "hold"}, {"do": "release"})
    assert told == [
        ([{"id": queue_id}], QueueState.HOLD),
        ([{"id": queue_id}], QueueState.DEFERRED),
    ]


def test_remove():
    queue_id, told = play({"do": "remove"}, {"do": "remove"})
    assert told[0] == ([{"id": queue_id}], None)
    assert told[1] == ([{"id": queue_id, "trouble": "no such message in the queue"}], None)


def test_what_is_being_delivered_is_not_removed():
    _, [(events, state)] = play({"do": "remove"}, active=True)
    assert "being delivered" in events[0]["trouble"]
    assert state is QueueState.ACTIVE


def test_flush_tells_of_nothing():
    _, [(events, _)] = play({"do": "flush"})
    assert events == []


def test_a_request_it_does_not_know():
    for request in ({"do": "explode"}, {"do": "hold", "ids": "X"}, {"ids": []}):
        _, [(events, state)] = play(request)
        assert "failed" in events[0]
        assert state is QueueState.INCOMING
