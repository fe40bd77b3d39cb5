# SPDX-License-Identifier: MIT
from __future__ import annotations

import asyncio
import errno
import os
from dataclasses import replace

import pytest

from homemail import durable
from homemail.errors import ConfigError, LockTimeout, StorageFull, Temporary
from homemail.model.message import FileContent, read_all
from homemail.model.queue import LineTime, QueueState
from homemail.mta.queue.files import read_entries
from homemail.mta.queue.line_clock import LineClock, read_clock
from homemail.mta.queue.spooled import open_queue
from tests.mta.queue.samples import CONTENT, FULL, FakeTime, envelope

pytestmark = pytest.mark.usefixtures("a_file_each")


@pytest.fixture
def directory(tmp_path):
    return tmp_path / "queue"


def with_queue(directory, body, line=None):
    async def run():
        queue = await open_queue(directory, line)
        try:
            return await body(queue)
        finally:
            await queue.close()

    return asyncio.run(run())


async def add_some(queue, *traces):
    for trace in traces:
        await queue.add(envelope("bob@far.test", trace=trace), CONTENT)


async def entries_of(queue):
    return await queue.entries()


def test_reopened(directory):
    async def fill(queue):
        await queue.add(FULL, CONTENT)
        entry = queue.entry("FULL1")
        held = replace(entry, state=QueueState.HOLD, attempts=3, next_attempt=LineTime(9.5))
        await queue.update(held, faults=2)

    with_queue(directory, fill)

    async def look(queue):
        (entry,) = await queue.entries()
        assert queue.faults("FULL1") == 2
        return entry, read_all(await queue.content("FULL1"))

    entry, octets = with_queue(directory, look)
    assert entry.envelope == FULL
    assert (entry.state, entry.attempts, entry.next_attempt) == (QueueState.HOLD, 3, 9.5)
    assert octets == read_all(CONTENT)


def test_private(directory):
    with_queue(directory, lambda queue: add_some(queue, "T1"))
    assert (directory.stat().st_mode & 0o777) == 0o700
    assert ((directory / "entries" / "T1").stat().st_mode & 0o777) == 0o600


def test_one_server_at_a_time(directory):
    async def second(queue):
        with pytest.raises(LockTimeout):
            await open_queue(directory)

    with_queue(directory, second)


def test_others_may_not_write(directory):
    directory.mkdir(mode=0o777)
    directory.chmod(0o777)
    with pytest.raises(ConfigError, match="writable by others"):
        with_queue(directory, entries_of)


CORRUPTIONS = {
    "empty": lambda data: b"",
    "rubbish": lambda data: b"\xff\x00" * 500,
    "other format": lambda data: b"homemail-state 1\n" + data,
    "no head": lambda data: b"homemail-queue 1\n",
    "head cut": lambda data: data[:60],
    "head of another": lambda data: data.replace(b'"id":"T1"', b'"id":"T7"'),
    "head no object": lambda data: b"homemail-queue 1\n[]\n",
    "head nested": lambda data: b"homemail-queue 1\n" + b"[" * 100_000 + b"\n",
    "head not a number": lambda data: data.replace(b'"line_time":', b'"line_time":NaN,"x":'),
    "negative size": lambda data: data.replace(b'"size":', b'"size":-'),
    "content cut": lambda data: data[:-1],
    "change in the middle": lambda data: data + b"{}\n{}\n",
}


@pytest.mark.parametrize("how", CORRUPTIONS)
def test_corrupt_is_set_aside(directory, how, caplog):
    with_queue(directory, lambda queue: add_some(queue, "T1", "T2"))
    path = directory / "entries" / "T1"
    path.write_bytes(CORRUPTIONS[how](path.read_bytes()))
    assert [entry.id for entry in read_entries(directory)] == ["T2"]
    assert [entry.id for entry in with_queue(directory, entries_of)] == ["T2"]
    assert (directory / "corrupt" / "T1").exists()
    assert "corrupt entry set aside" in caplog.text
    states = {entry.id: entry.state for entry in read_entries(directory)}
    assert states == {"T1": QueueState.CORRUPT, "T2": QueueState.INCOMING}


def test_what_is_no_file_is_set_aside(directory):
    with_queue(directory, lambda queue: add_some(queue, "T1"))
    os.mkfifo(directory / "entries" / "PIPE")
    assert [entry.id for entry in with_queue(directory, entries_of)] == ["T1"]
    assert (directory / "corrupt" / "PIPE").exists()


def test_a_link_is_not_followed(directory, tmp_path, caplog):
    with_queue(directory, lambda queue: add_some(queue, "T1"))
    (directory / "entries" / "T1").rename(tmp_path / "T1")
    (directory / "entries" / "T1").symlink_to(tmp_path / "T1")
    assert with_queue(directory, entries_of) == []
    assert "cannot be read" in caplog.text


def test_newer_is_left_alone(directory, caplog):
    with_queue(directory, lambda queue: add_some(queue, "T1", "T2"))
    path = directory / "entries" / "T1"
    newer = path.read_bytes().replace(b"homemail-queue 1", b"homemail-queue 2")
    path.write_bytes(newer)
    assert [entry.id for entry in with_queue(directory, entries_of)] == ["T2"]
    assert path.read_bytes() == newer
    assert "newer homemail" in caplog.text


def test_unknown_keys_are_carried_along(directory):
    with_queue(directory, lambda queue: add_some(queue, "T1"))
    path = directory / "entries" / "T1"
    path.write_bytes(path.read_bytes().replace(b'{"id"', b'{"later":"thing","id"', 1))

    async def change(queue):
        await queue.update(replace(queue.entry("T1"), attempts=5))

    with_queue(directory, change)
    assert b'"later":"thing"' in path.read_bytes()
    (entry,) = read_entries(directory)
    assert entry.attempts == 5


def test_reading_while_the_server_runs(directory):
    async def body(queue):
        await add_some(queue, "T1", "T2")
        before = sorted(os.listdir(directory / "entries"))
        (directory / "entries" / "T2").write_bytes(b"")  # as if it were being removed
        assert [entry.id for entry in read_entries(directory)] == ["T1"]
        assert sorted(os.listdir(directory / "entries")) == before

    with_queue(directory, body)


def test_reading_where_there_is_none(tmp_path):
    with pytest.raises(Temporary):
        read_entries(tmp_path)


@pytest.mark.parametrize("what", ["create", "write", "fsync", "rename"])
def test_disk_full_refuses_and_leaves_nothing(directory, monkeypatch, what):
    async def body(queue):
        await add_some(queue, "T1")

        def full(step, where):
            if step == what:
                raise OSError(errno.ENOSPC, "No space left on device")

        monkeypatch.setattr(durable, "step", full)
        with pytest.raises(StorageFull):
            await add_some(queue, "T2")
        monkeypatch.undo()
        await add_some(queue, "T3")
        return await queue.entries()

    assert [entry.id for entry in with_queue(directory, body)] == ["T1", "T3"]
    assert [entry.id for entry in with_queue(directory, entries_of)] == ["T1", "T3"]


def test_a_change_that_fails_is_written_with_the_next(directory, monkeypatch):
    async def body(queue):
        await add_some(queue, "T1")

        def broken(step, where):
            if step == "fsync":
                raise OSError(errno.EIO, "Input/output error")

        monkeypatch.setattr(durable, "step", broken)
        with pytest.raises(Temporary):
            await queue.update(replace(queue.entry("T1"), attempts=1))
        monkeypatch.undo()
        await queue.update(replace(queue.entry("T1"), next_attempt=LineTime(5.0)))

    with_queue(directory, body)
    (entry,) = read_entries(directory)
    assert (entry.attempts, entry.next_attempt) == (1, 5.0)


def test_an_unsafe_trace_names_no_file(directory):
    async def body(queue):
        with pytest.raises(Temporary):
            await queue.add(envelope("bob@far.test", trace="../x"), CONTENT)

    with_queue(directory, body)


def test_a_content_that_shrinks_is_refused(directory, tmp_path):
    async def body(queue):
        (tmp_path / "short").write_bytes(b"x")
        fd = os.open(tmp_path / "short", os.O_RDONLY)
        with pytest.raises(Temporary):
            await queue.add(envelope("bob@far.test"), FileContent(fd, 10))
        return await queue.entries()

    assert with_queue(directory, body) == []


def test_age_goes_on_after_a_restart(directory):
    def age_after(seconds):
        time = FakeTime()

        async def body(queue):
            if not await queue.entries():
                await add_some(queue, "T1")
            time.seconds += seconds
            (entry,) = await queue.entries()
            return entry.age

        return with_queue(directory, body, LineClock(time))

    assert age_after(100.0) == 100.0
    assert age_after(50.0) == pytest.approx(150.0)
    (directory / "clock").write_text("rubbish")
    assert age_after(7.0) == pytest.approx(7.0)


def test_the_clock_goes_on_at_the_latest_reading(directory):
    time = FakeTime()

    async def body(queue):
        await add_some(queue, "T1")
        time.seconds = 500.0
        await queue.update(replace(queue.entry("T1"), attempts=1))

    with_queue(directory, body, LineClock(time))
    assert read_clock(directory / "clock") == 500.0
    (directory / "clock").unlink()

    async def reading(queue):
        return queue.line.now()

    assert with_queue(directory, reading, LineClock(FakeTime())) == 500.0


def test_an_entry_whose_file_was_taken_away_is_forgotten(directory):
    async def body(queue):
        await add_some(queue, "T1", "T2")
        (directory / "entries" / "T1").unlink()
        with pytest.raises(Temporary):
            await queue.content("T1")
        return await queue.entries()

    assert [entry.id for entry in with_queue(directory, body)] == ["T2"]
