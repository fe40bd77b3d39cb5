# SPDX-License-Identifier: MIT
from __future__ import annotations

import asyncio
import contextlib

from homemail.config.queue import QueueSettings
from homemail.model.reply import Reply
from homemail.mta.queue.destinations import Destinations
from tests.mta.queue.samples import FakeTime

BUSY = Reply(451, "4.4.1", "Connection refused")


def test_the_window_grows_and_halves():
    now = FakeTime()
    settings = QueueSettings(
        initial_destination_concurrency=1, default_destination_concurrency_limit=2
    )
    destinations = Destinations(settings, now)

    async def most_at_once():
        inside, most = 0, 0

        async def work():
            nonlocal inside, most
            async with destinations.slot("far", "T1"):
                inside += 1
                most = max(most, inside)
                await asyncio.sleep(0)
                inside -= 1

        async with destinations.slot("far", "T1"), destinations.slot("other", "T1"):
            waiting = [asyncio.ensure_future(work()) for _ in range(5)]
            await asyncio.sleep(0)
            assert most == 0
            destinations.succeeded("far")
            destinations.succeeded("far")
        await asyncio.gather(*waiting)
        return most

    assert asyncio.run(most_at_once()) == 2


def test_dead_for_a_while():
    now = FakeTime()
    destinations = Destinations(QueueSettings(), now)
    assert destinations.dead("far") is None
    destinations.failed("far", BUSY)
    assert destinations.dead("far") == BUSY
    now.seconds = 299.0
    assert destinations.dead("far") == BUSY
    now.seconds = 300.0
    assert destinations.dead("far") is None
    destinations.failed("far", BUSY)
    destinations.succeeded("far")
    assert destinations.dead("far") is None


def test_who_gives_up_waiting_passes_his_turn_on():
    destinations = Destinations(QueueSettings(initial_destination_concurrency=1), FakeTime())

    async def run():
        done = []

        async def work(name):
            async with destinations.slot("far", "T1"):
                done.append(name)

        async with destinations.slot("far", "T1"):
            tasks = [asyncio.ensure_future(work(name)) for name in "abc"]
            await asyncio.sleep(0)
            tasks[0].cancel()  # while it waits
            await asyncio.sleep(0)
        tasks[1].cancel()  # when it has got its turn, but has not begun
        for task in tasks:
            with contextlib.suppress(asyncio.CancelledError):
                await task
        return done

    assert asyncio.run(run()) == ["c"]


def order_of(destinations, wanted):
    """Return in which order those got their turn who all asked at once, behind one that has it."""

    async def run():
        got = []

        async def work(name, who):
            async with destinations.slot(name, who):
                got.append(who)
                await asyncio.sleep(0)

        async with destinations.slot("smtp:first", "T0"):
            tasks = [asyncio.ensure_future(work(*one)) for one in wanted]
            await asyncio.sleep(0)
        await asyncio.gather(*tasks)
        return "".join(got)

    return asyncio.run(run())


def test_a_letter_does_not_wait_for_a_list_to_the_same_place():
    destinations = Destinations(QueueSettings(initial_destination_concurrency=1), FakeTime())
    wanted = [*[("smtp:first", "L")] * 5, ("smtp:first", "a"), ("smtp:first", "b")]
    assert order_of(destinations, wanted) == "LabLLLL"


def test_nor_for_a_list_to_many_places():
    destinations = Destinations(QueueSettings(default_process_limit=1), FakeTime())
    wanted = [*[(f"smtp:{n}", "L") for n in range(5)], ("smtp:x", "a"), ("smtp:y", "b")]
    assert order_of(destinations, wanted) == "LabLLLL"


def test_transports_do_not_wait_for_each_other():
    destinations = Destinations(QueueSettings(default_process_limit=1), FakeTime())

    async def run():
        async with destinations.slot("smtp:x", "T1"), destinations.slot("local:alice", "T2"):
            return True

    assert asyncio.run(run())
