# SPDX-License-Identifier: MIT
"""The stream under every access protocol, over a transport that only takes notes."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from homemail import stream as stream_module
from homemail.stream import (
    READ_AHEAD,
    Disconnected,
    NothingMore,
    ShuttingDown,
    Stream,
    StreamFactory,
    TimedOut,
)


class Transport:
    """Notes what was asked of it."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.written = b""

    def write(self, data: bytes) -> None:
        self.written += data

    def __getattr__(self, name: str) -> Callable[[], None]:
        return lambda: self.asked.append(name)


Test = Callable[[Stream, Transport], Awaitable[None]]


@pytest.fixture
def play() -> Callable[[Test], None]:
    def run(test: Test) -> None:
        async def inside() -> None:
            transport = Transport()
            await test(Stream(transport, asyncio.get_running_loop()), transport)

        asyncio.run(asyncio.wait_for(inside(), 10))

    return run


async def waiting(coroutine: Any) -> asyncio.Task[Any]:
    task = asyncio.ensure_future(coroutine)
    await asyncio.sleep(0)
    assert not task.done()
    return task


def test_reading(play):
    async def test(stream, transport):
        stream.feed(b"a")
        stream.feed(b"b")
        assert len(stream) == 2
        assert await stream.read(1) == b"ab"
        reader = await waiting(stream.read(1))
        stream.feed(b"c")
        assert await reader == b"c"
        assert transport.asked == []

    play(test)


def test_a_fast_writer_is_paused(play):
    async def test(stream, transport):
        stream.feed(b"x" * READ_AHEAD)
        assert transport.asked == []
        stream.feed(b"x")
        stream.feed(b"x")
        assert transport.asked == ["pauseProducing"]
        assert len(await stream.read(1)) == READ_AHEAD + 2
        assert transport.asked == ["pauseProducing", "resumeProducing"]

    play(test)


def test_silence(play):
    async def test(stream, transport):
        with pytest.raises(TimedOut):
            await stream.read(0.001)
        stream.set_deadline(0.001)
        with pytest.raises(TimedOut):
            await stream.read(1000)
        stream.set_deadline(None)
        reader = await waiting(stream.read(1000))
        stream.feed(b"at last")
        assert await reader == b"at last"

    play(test)


def test_a_trickle_does_not_move_the_deadline(play):
    async def test(stream, transport):
        stream.set_deadline(0.01)
        with pytest.raises(TimedOut):
            while True:
                asyncio.get_running_loop().call_later(0.001, stream.feed, b"x")
                await stream.read(1000)

    play(test)


def test_a_client_that_leaves(play):
    async def test(stream, transport):
        reader = await waiting(stream.read(1))
        stream.lost()
        with pytest.raises(Disconnected):
            await reader
        with pytest.raises(Disconnected):
            await stream.drain()
        stream.write(b"too late")
        stream.close()
        stream.abort()
        assert (transport.written, transport.asked) == (b"", [])

    play(test)


def test_a_client_that_has_said_everything(play):
    async def test(stream, transport):
        stream.feed(b"last")
        stream.no_more_input()
        assert await stream.read(1) == b"last"
        with pytest.raises(NothingMore):
            await stream.read(1)
        stream.write(b"answer")
        await stream.drain()
        assert transport.written == b"answer"

    play(test)


def test_a_slow_reader(play):
    async def test(stream, transport):
        await stream.drain()
        stream.pause_writing()
        stream.pause_writing()
        drain = await waiting(stream.drain())
        stream.resume_writing()
        await drain
        stream.pause_writing()
        drain = await waiting(stream.drain())
        stream.lost()
        with pytest.raises(Disconnected):
            await drain

    play(test)


def test_a_reader_that_has_stopped(play, monkeypatch):
    monkeypatch.setattr(stream_module, "SLOW_CLIENT_SECONDS", 0.001)

    async def test(stream, transport):
        stream.pause_writing()
        with pytest.raises(Disconnected):
            await stream.drain()
        assert transport.asked == ["abortConnection"]

    play(test)


def test_poke(play):
    async def test(stream, transport):
        reader = await waiting(stream.read(1))
        stream.poke()
        assert await reader == b""
        stream.poke()
        assert await stream.read(1) == b""
        stream.poke()
        stream.feed(b"x")
        assert await stream.read(1) == b"x"

    play(test)


def test_stopping_comes_before_what_is_unread(play):
    async def test(stream, transport):
        stream.feed(b"more commands")
        stream.stop()
        with pytest.raises(ShuttingDown):
            await stream.read(1)
        stream.write(b"BYE")
        await stream.drain()
        assert transport.written == b"BYE"

    play(test)


def test_closing(play, monkeypatch):
    monkeypatch.setattr(stream_module, "CLOSE_SECONDS", 0.001)

    async def test(stream, transport):
        stream.close()
        assert transport.asked == ["unregisterProducer", "loseConnection"]
        await asyncio.sleep(0.01)
        assert transport.asked[2:] == ["abortConnection"]

    play(test)


def test_a_closed_stream_leaves_no_timer(play):
    async def test(stream, transport):
        stream.close()
        stream.lost()
        assert stream._closing.cancelled()

    play(test)


def test_shutdown_cuts_off_what_does_not_end(play, monkeypatch):
    monkeypatch.setattr(stream_module, "STOP_SECONDS", 0.001)

    async def test(stream, transport):
        class Stuck:
            def __init__(self) -> None:
                self.stream = stream

            async def serve(self) -> None:
                await asyncio.get_running_loop().create_future()

        factory = StreamFactory("pop3", None, 1)
        factory.start(Stuck())
        await asyncio.sleep(0)
        await factory.shutdown()
        assert transport.asked == ["abortConnection"]
        assert not factory._tasks

    play(test)
