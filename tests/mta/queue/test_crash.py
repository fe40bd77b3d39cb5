# SPDX-License-Identifier: MIT
"""Stop at every step that changes the disk, start again, and look what is there."""

from __future__ import annotations

import asyncio
import itertools
from dataclasses import replace

import pytest

from homemail import durable
from homemail.model.message import read_all
from homemail.model.queue import QueueState, RecipientStatus
from homemail.model.reply import Reply
from homemail.mta.queue.spooled import open_queue
from tests.mta.queue.samples import CONTENT, envelope

SENT = Reply(250, "2.0.0", "taken")


@pytest.fixture(params=["segments", "files"], autouse=True)
def _places(request):
    if request.param == "files":
        request.getfixturevalue("a_file_each")


class Crash(BaseException):
    """The power went."""


class Crasher:
    """Stops everything at the step of this number, and all that would follow it."""

    def __init__(self, at, tell):
        self.at = at
        self.tell = tell
        self.count = 0

    def __call__(self, what, where):
        self.count += 1
        if self.count >= self.at:
            self.tell()
            raise Crash(f"{what} {where}")


def mark(entry, *statuses):
    recipients = tuple(
        replace(queued, status=status, last_reply=SENT)
        for queued, status in zip(entry.recipients, statuses, strict=True)
    )
    return replace(entry, recipients=recipients, attempts=entry.attempts + 1)


async def crashing(directory, prepare, act, at, monkeypatch):
    """Run ``act`` until step ``at``; return whether it was answered."""
    queue = await open_queue(directory)
    await prepare(queue)
    crashed = asyncio.Event()
    loop = asyncio.get_running_loop()
    crasher = Crasher(at, lambda: loop.call_soon_threadsafe(crashed.set))
    monkeypatch.setattr(durable, "step", crasher)
    acting = asyncio.ensure_future(act(queue))
    waiting = asyncio.ensure_future(crashed.wait())
    await asyncio.wait({acting, waiting}, return_when=asyncio.FIRST_COMPLETED)
    answered = acting.done()
    if answered:
        acting.result()
    queue._thread.shutdown()
    queue._spool.close()
    monkeypatch.undo()
    return answered


def at_each_step(tmp_path, monkeypatch, prepare, act):
    """Yield (answered, queue opened again) for a crash at each step, until none is left."""
    for at in itertools.count(1):
        directory = tmp_path / str(at)

        async def once(directory=directory, at=at):
            answered = await crashing(directory, prepare, act, at, monkeypatch)
            queue = await open_queue(directory)
            entries = await queue.entries()
            contents = [read_all(await queue.content(entry.id)) for entry in entries]
            await queue.close()
            assert list((directory / "incoming").iterdir()) == []
            assert list((directory / "corrupt").iterdir()) == []
            return answered, entries, contents

        outcome = asyncio.run(once())
        yield outcome
        if outcome[0]:
            assert at > 1, "the operation takes no step at all"
            return


async def nothing(queue):
    pass


ENVELOPE = envelope("bob@far.test", "carol@far.test", trace="T1")


@pytest.mark.parametrize("dormant", [False, True])
def test_add(tmp_path, monkeypatch, dormant):
    async def act(queue):
        await queue.add(ENVELOPE, CONTENT, dormant=dormant)

    for answered, entries, contents in at_each_step(tmp_path, monkeypatch, nothing, act):
        assert len(entries) == 1 if answered else len(entries) <= 1
        for entry, content in zip(entries, contents, strict=True):
            assert entry.envelope == ENVELOPE
            assert content == read_all(CONTENT)
            assert entry.state is QueueState.INCOMING, "what was dormant is tried after a crash"


def test_adds_at_the_same_time(tmp_path, monkeypatch):
    answered_ids = set()

    async def act(queue):
        answered_ids.clear()
        adds = [queue.add(replace(ENVELOPE, trace=f"T{n}"), CONTENT) for n in range(3)]
        for answer in asyncio.as_completed(adds):
            answered_ids.add(await answer)

    for _, entries, contents in at_each_step(tmp_path, monkeypatch, nothing, act):
        assert answered_ids <= {entry.id for entry in entries}
        assert all(content == read_all(CONTENT) for content in contents)


async def one_dormant(queue):
    await queue.add(ENVELOPE, CONTENT, dormant=True)


async def one_active(queue):
    await queue.add(ENVELOPE, CONTENT)


def test_activate(tmp_path, monkeypatch):
    async def act(queue):
        entry = queue.entry("T1")
        outcome = mark(entry, RecipientStatus.DELIVERED, RecipientStatus.PENDING).recipients
        await queue.activate("T1", outcome)

    for answered, (entry,), _ in at_each_step(tmp_path, monkeypatch, one_dormant, act):
        assert entry.state is QueueState.INCOMING
        assert len(entry.pending) in ([1] if answered else [1, 2])


def test_activate_with_nothing_left(tmp_path, monkeypatch):
    async def act(queue):
        outcome = mark(queue.entry("T1"), RecipientStatus.DELIVERED, RecipientStatus.DELIVERED)
        await queue.activate("T1", outcome.recipients)

    for answered, entries, _ in at_each_step(tmp_path, monkeypatch, one_dormant, act):
        assert len(entries) == 0 if answered else len(entries) <= 1


def test_update(tmp_path, monkeypatch):
    async def act(queue):
        changed = mark(queue.entry("T1"), RecipientStatus.RELAYED, RecipientStatus.PENDING)
        await queue.update(replace(changed, state=QueueState.DEFERRED, next_attempt=77.0))

    for answered, (entry,), _ in at_each_step(tmp_path, monkeypatch, one_active, act):
        if answered:
            assert (entry.state, entry.next_attempt) == (QueueState.DEFERRED, 77.0)
            assert entry.recipients[0].status is RecipientStatus.RELAYED
            assert entry.recipients[0].last_reply == SENT


def tail(queue):
    """Return the file to which the next change goes."""
    directory = queue._spool._directory
    (path,) = [*(directory / "entries").iterdir(), *(directory / "segments").iterdir()]
    return path


def test_update_after_a_torn_change(tmp_path, monkeypatch):
    async def torn(queue):
        await one_active(queue)
        with tail(queue).open("ab") as file:
            file.write(b'{"at": "2026-01-01T00:00:00+00:00", "line_ti' + b"\0" * 100)

    async def act(queue):
        entry = queue.entry("T1")
        await queue.update(mark(entry, RecipientStatus.RELAYED, RecipientStatus.PENDING))

    for answered, (entry,), _ in at_each_step(tmp_path, monkeypatch, torn, act):
        assert len(entry.pending) in ([1] if answered else [1, 2])


@pytest.mark.parametrize("release", [False, True])
def test_hold_and_release(tmp_path, monkeypatch, release):
    async def held(queue):
        await one_active(queue)
        if release:
            await queue.hold("T1")

    async def act(queue):
        await (queue.release("T1") if release else queue.hold("T1"))

    before, after = [QueueState.INCOMING, QueueState.HOLD], [QueueState.DEFERRED, QueueState.HOLD]
    for answered, (entry,), _ in at_each_step(tmp_path, monkeypatch, held, act):
        states = after if release else before
        assert entry.state is (states[0] if release else states[1]) or not answered
        assert entry.state in states


def test_remove(tmp_path, monkeypatch):
    async def act(queue):
        await queue.remove("T1")

    for answered, entries, _ in at_each_step(tmp_path, monkeypatch, one_active, act):
        assert len(entries) == 0 if answered else len(entries) <= 1
