# SPDX-License-Identifier: MIT
"""The queue on disk, its runner and the SMTP client together: nothing lost, nothing twice."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest

from homemail.config.queue import QueueSettings, SendingSettings
from homemail.model.message import MemoryContent
from homemail.model.queue import QueueState
from homemail.mta.api import NextHop, Relay
from homemail.mta.queue.line_clock import LineClock
from homemail.mta.queue.runner import QueueRunner
from homemail.mta.queue.spooled import open_queue
from homemail.mta.sending.hosts import Myself
from homemail.mta.sending.sender import SmtpSender
from homemail.resolve import FakeResolver
from tests.mta.queue.samples import FakeTime, envelope
from tests.mta.sending.scripted import CLOSE, ScriptedServer

MYSELF = Myself(frozenset({"home.test"}), frozenset(), lambda _: False)
COUNT = 30


class Leaving:
    """Messages on their way from a queue below ``directory`` to ``server``."""

    def __init__(self, directory, server, **settings):
        self.directory, self.server, self.time = directory, server, FakeTime()
        settings = SendingSettings(smtp_helo_name="home.test", **settings)
        self.sender = SmtpSender(settings, FakeResolver(), MYSELF)

    async def route(self, address, sender):
        return Relay(NextHop("smtp", "127.0.0.1", self.server.port, bracketed=True))

    async def __aenter__(self):
        await self.server.__aenter__()
        self.queue = await open_queue(self.directory, LineClock(self.time))
        transports = {"smtp": self.sender}
        self.runner = QueueRunner(
            self.queue, self, None, transports, QueueSettings(), "mail.home.test"
        )
        return self

    async def __aexit__(self, *_):
        await self.runner.close()
        await self.sender.close()
        await self.queue.close()
        await self.server.__aexit__()

    async def send(self, count=COUNT):
        for number in range(count):
            content = MemoryContent(f"Subject: {number}\r\n\r\nHello\r\n".encode())
            await self.queue.add(envelope(f"bob{number}@far.test"), content)
        await self.runner.run_due()

    async def later(self, seconds=4000.0):
        self.time.seconds += seconds
        await self.runner.run_due()

    async def states(self):
        return Counter(entry.state for entry in await self.queue.entries())

    def arrived(self):
        """Return how often each message came; empty ones had no recipient."""
        came = (octets.partition(b"\r\n")[0] for octets in self.server.messages)
        return Counter(title for title in came if title)

    def asked(self, verb):
        return [line.split()[0] for line in self.server.commands].count(verb)


def run(body, leaving):
    async def wrapped():
        async with leaving:
            await body(leaving)

    asyncio.run(wrapped())


def test_all_leave_by_few_connections(tmp_path):
    async def body(leaving):
        await leaving.send()
        assert await leaving.states() == {}
        assert set(leaving.arrived().values()) == {1}
        assert len(leaving.arrived()) == COUNT
        assert leaving.asked("EHLO") <= 20

    run(body, Leaving(tmp_path, ScriptedServer()))


def test_a_wrong_password_is_not_tried_over_and_over(tmp_path, caplog):
    passwords = tmp_path / "sasl_passwd"
    passwords.write_text("127.0.0.1 alice:wrong\n")
    passwords.chmod(0o600)
    server = ScriptedServer({"AUTH": "535 5.7.8 no"}, offers=("PIPELINING", "AUTH PLAIN"))

    async def body(leaving):
        await leaving.send()
        assert await leaving.states() == {QueueState.DEFERRED: COUNT}
        assert leaving.asked("AUTH") <= 2, "one for each connection that had begun"
        (entry, *_) = await leaving.queue.entries()
        assert "SASL authentication failed" in entry.recipients[0].reason
        assert "wrong" not in caplog.text
        server.says["AUTH"] = "235 2.7.0 yes"
        await leaving.later()
        assert await leaving.states() == {}
        assert set(leaving.arrived().values()) == {1}
        assert len(leaving.arrived()) == COUNT

    settings = {"smtp_sasl_auth_enable": True, "smtp_sasl_password_maps": passwords}
    run(body, Leaving(tmp_path / "queue", server, **settings))


@pytest.mark.parametrize(
    ("trouble", "may_come_twice"),
    [
        ({"MAIL": "451 4.3.0 not now"}, False),
        ({"RCPT": "450 4.2.0 greylisted"}, False),
        ({"DATA": CLOSE}, False),
        ({"DATA": "451 4.3.0 not now"}, False),
        ({"dot": "452 4.3.1 full"}, True),
        ({"dot": CLOSE}, True),
        ({"greeting": "421 4.3.2 busy"}, False),
        ({"greeting": CLOSE}, False),
    ],
)
def test_trouble_that_passes(tmp_path, trouble, may_come_twice):
    server = ScriptedServer(dict(trouble))

    async def body(leaving):
        await leaving.send(5)
        assert await leaving.states() == {QueueState.DEFERRED: 5}
        server.says.clear()
        await leaving.later()
        assert await leaving.states() == {}
        arrived = leaving.arrived()
        assert len(arrived) == 5
        assert set(arrived.values()) <= ({1, 2} if may_come_twice else {1})

    run(body, Leaving(tmp_path, server))


def test_a_host_that_dies_within_the_message(tmp_path):
    server = ScriptedServer(close_after=10)

    async def body(leaving):
        await leaving.send(5)
        assert await leaving.states() == {QueueState.DEFERRED: 5}
        server.close_after = None
        await leaving.later()
        assert await leaving.states() == {}
        assert leaving.arrived() == Counter({f"Subject: {n}".encode(): 1 for n in range(5)})

    run(body, Leaving(tmp_path, server))


def test_ended_in_the_middle_and_begun_again(tmp_path):
    async def begin():
        async with Leaving(tmp_path, ScriptedServer({"RCPT": "450 4.2.0 later"})) as leaving:
            await leaving.send()

    asyncio.run(begin())

    async def body(leaving):
        await leaving.later()
        assert await leaving.states() == {}
        assert set(leaving.arrived().values()) == {1}
        assert len(leaving.arrived()) == COUNT

    run(body, Leaving(tmp_path, ScriptedServer()))
