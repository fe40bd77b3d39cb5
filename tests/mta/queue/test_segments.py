# SPDX-License-Identifier: MIT
from __future__ import annotations

import asyncio
import errno
import itertools
from dataclasses import replace

import pytest

from homemail import durable
from homemail.errors import StorageFull, Temporary
from homemail.model.message import MemoryContent, read_all
from homemail.model.queue import QueueState
from homemail.mta.queue import segments
from homemail.mta.queue.files import find_content, read_entries
from homemail.mta.queue.line_clock import LineClock
from homemail.mta.queue.spooled import open_queue
from tests.mta.queue.samples import CONTENT, FakeTime, envelope


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


async def add(queue, *traces, content=CONTENT):
    for trace in traces:
        await queue.add(envelope("bob@far.test", trace=trace), content)


async def contents(queue):
    entries = await queue.entries()
    return {entry.id: read_all(await queue.content(entry.id)) for entry in entries}


def files(directory):
    return sorted(path.name for path in (directory / "segments").iterdir())


def test_small_and_large(directory):
    large = MemoryContent(b"x" * 70 + b"\r\n" * segments.SMALL)

    async def fill(queue):
        await add(queue, "T1", "T2")
        await add(queue, "T3", content=large)
        await queue.add(envelope(*(f"r{n}@far.test" for n in range(200)), trace="T4"), CONTENT)

    with_queue(directory, fill)
    assert files(directory) == ["00000001"]
    assert (directory / "segments" / "00000001").stat().st_mode & 0o777 == 0o600
    assert sorted(path.name for path in (directory / "entries").iterdir()) == ["T3", "T4"]
    octets = with_queue(directory, contents)
    assert octets == dict.fromkeys(("T1", "T2", "T4"), read_all(CONTENT)) | {"T3": read_all(large)}
    assert {entry.id for entry in read_entries(directory)} == {"T1", "T2", "T3", "T4"}
    assert read_all(find_content(directory, "T1")) == read_all(CONTENT)
    assert read_all(find_content(directory, "T3")) == read_all(large)
    assert find_content(directory, "T5") is None
    assert find_content(directory, "../lock") is None


def test_changes_and_removals_last(directory):
    async def fill(queue):
        await add(queue, "T1", "T2", "T3")
        await queue.hold("T2")
        await queue.remove("T1")

    with_queue(directory, fill)

    async def look(queue):
        return {entry.id: entry.state for entry in await queue.entries()}

    states = {"T2": QueueState.HOLD, "T3": QueueState.INCOMING}
    assert with_queue(directory, look) == states
    assert {entry.id: entry.state for entry in read_entries(directory)} == states


def test_a_segment_goes_with_its_last_entry(directory):
    async def body(queue):
        await add(queue, "T1", "T2")

    with_queue(directory, body)

    async def later(queue):
        await add(queue, "T3")
        assert len(files(directory)) == 2
        await queue.remove("T1")
        content = await queue.content("T2")
        await queue.remove("T2")
        assert files(directory) == ["00000002"]
        assert read_all(content) == read_all(CONTENT)

    with_queue(directory, later)
    assert with_queue(directory, contents).keys() == {"T3"}


def test_a_full_segment_is_followed_by_another(directory, monkeypatch):
    monkeypatch.setattr(segments, "_FULL", 1000)

    async def body(queue):
        await add(queue, *(f"T{n}" for n in range(10)))
        assert len(files(directory)) > 3

    with_queue(directory, body)
    assert len(with_queue(directory, contents)) == 10


def rewritten(directory, monkeypatch, time, before_the_last):
    """Fill a segment, remove most of it, let it settle, and do what makes it be written anew."""
    monkeypatch.setattr(segments, "_FULL", 3000)

    async def body(queue):
        await add(queue, *(f"T{n}" for n in range(10)))
        await queue.hold("T1")
        for number in (0, 2, 3, 4, 5):
            await queue.remove(f"T{number}")
        await before_the_last(queue)
        time.seconds = 1000.0
        await queue.remove("T9")

    with_queue(directory, body, LineClock(time))


def test_a_segment_of_which_little_is_wanted_is_written_anew(directory, monkeypatch):
    async def nothing(queue):
        assert "00000001" in files(directory)

    rewritten(directory, monkeypatch, FakeTime(), nothing)
    assert "00000001" not in files(directory)
    octets = with_queue(directory, contents)
    assert octets == dict.fromkeys(("T1", "T6", "T7", "T8"), read_all(CONTENT))
    (held,) = [entry for entry in read_entries(directory) if entry.id == "T1"]
    assert held.state is QueueState.HOLD


def test_of_two_copies_the_later_counts(directory, monkeypatch):
    saved = {}

    async def save(queue):
        path = directory / "segments" / "00000001"
        saved[path] = path.read_bytes()

    rewritten(directory, monkeypatch, FakeTime(), save)
    for path, data in saved.items():
        path.write_bytes(data)  # the power went before its end was durable

    async def release(queue):
        await queue.release("T1")
        return await contents(queue)

    assert with_queue(directory, release).keys() == {"T1", "T6", "T7", "T8"}
    states = {entry.id: entry.state for entry in read_entries(directory)}
    assert states["T1"] is QueueState.DEFERRED

    async def remove(queue):
        await queue.remove("T1")

    with_queue(directory, remove)
    assert with_queue(directory, contents).keys() == {"T6", "T7", "T8"}


class Crash(BaseException):
    pass


@pytest.mark.slow
def test_crash_while_a_segment_is_written_anew(tmp_path, monkeypatch):
    for at in itertools.count(1):
        directory, steps = tmp_path / str(at), itertools.count(1)
        crashed = False

        async def arm(queue, at=at, steps=steps):
            def step(what, where):
                nonlocal crashed
                # The first two steps are those of the removal that sets it off.
                if next(steps) >= at + 2:
                    crashed = True
                    raise OSError(errno.EIO, "the power went")

            monkeypatch.setattr(durable, "step", step)

        rewritten(directory, monkeypatch, FakeTime(), arm)
        monkeypatch.undo()
        octets = with_queue(directory, contents)
        assert octets == dict.fromkeys(("T1", "T6", "T7", "T8"), read_all(CONTENT))
        assert list((directory / "corrupt").iterdir()) == []
        if not crashed:
            assert at > 4
            return


def segment(directory):
    (path,) = (directory / "segments").iterdir()
    return path


def test_cut_at_every_octet(directory):
    sizes = []

    async def fill(queue):
        for trace in ("T1", "T2"):
            await add(queue, trace)
            sizes.append(segment(directory).stat().st_size)

    with_queue(directory, fill)
    path = segment(directory)
    data = path.read_bytes()
    for cut in range(sizes[0], sizes[1]):
        read = segments.read_segment(data[:cut], data[19:35])
        assert list(read.entries) == ["T1"]
        assert len(read.rubbish) == (cut > sizes[0])
    path.write_bytes(data[: sizes[1] - 5])

    async def go_on(queue):
        assert (await contents(queue)).keys() == {"T1"}
        await queue.hold("T1")

    with_queue(directory, go_on)
    assert with_queue(directory, contents).keys() == {"T1"}
    assert list((directory / "corrupt").iterdir()) == []


@pytest.mark.parametrize("where", ["head", "content", "marker", "last"])
def test_rubbish_is_set_aside_and_the_others_go_on(directory, where):
    with_queue(directory, lambda queue: add(queue, "T1", "T2", "T3"))
    path = segment(directory)
    data = bytearray(path.read_bytes())
    middle = data.index(b"put T3" if where == "last" else b"put T2")
    at = {"head": middle + 60, "content": data.index(b".dot", middle), "marker": middle - 3}
    data[at.get(where, middle + 60)] ^= 0x55
    path.write_bytes(data)
    left = {"T1", "T2"} if where == "last" else {"T1", "T3"}
    for _ in range(2):
        assert with_queue(directory, contents).keys() == left
        (aside,) = (directory / "corrupt").iterdir()
        assert b"From: alice@home.test" in aside.read_bytes()
    assert {entry.id for entry in read_entries(directory) if entry.recipients} == left


def test_what_looks_like_a_record_in_a_message_is_none(directory):
    async def fill(queue):
        await add(queue, "T1")
        data = segment(directory).read_bytes()
        forged = data[data.index(b"\n") :].replace(b"T1", b"T9")
        await add(queue, "T2", content=MemoryContent(forged[:17].replace(b"\n", b"") + forged[17:]))

    with_queue(directory, fill)
    path = segment(directory)
    data = bytearray(path.read_bytes())
    data[data.index(b"put T2") + 50] ^= 1
    path.write_bytes(data)
    assert with_queue(directory, contents).keys() == {"T1"}


@pytest.mark.parametrize("octets", [b"", b"homemail-seg", b"homemail-segment 1 00"])
def test_a_segment_without_its_first_line_is_removed(directory, octets):
    with_queue(directory, lambda queue: add(queue, "T1"))
    (directory / "segments" / "00000007").write_bytes(octets)
    assert with_queue(directory, contents).keys() == {"T1"}
    assert "00000007" not in files(directory)


def test_a_newer_segment_is_left_alone_and_rubbish_set_aside(directory):
    with_queue(directory, lambda queue: add(queue, "T1"))
    newer = directory / "segments" / "00000007"
    newer.write_bytes(b"homemail-segment 2 0123456789abcdef\n" + b"x" * 100)
    (directory / "segments" / "00000008").write_bytes(b"rubbish\n" * 100)
    (directory / "segments" / "README").write_bytes(b"by hand")

    async def body(queue):
        await add(queue, "T2")
        return await contents(queue)

    assert with_queue(directory, body).keys() == {"T1", "T2"}
    assert files(directory) == ["00000001", "00000007", "00000009", "README"]
    assert [path.name for path in (directory / "corrupt").iterdir()] == ["segment-00000008"]


@pytest.mark.parametrize("what", ["create", "write", "fsync"])
def test_disk_full_refuses_and_leaves_nothing(directory, monkeypatch, what):
    async def body(queue):
        def full(step, where):
            if step == what:
                raise OSError(errno.ENOSPC, "No space left on device")

        if what != "create":
            await add(queue, "T1")
        monkeypatch.setattr(durable, "step", full)
        with pytest.raises(StorageFull):
            await add(queue, "T2")
        monkeypatch.undo()
        await add(queue, "T3")
        with pytest.raises(Temporary):
            await add(queue, "T3")
        return (await contents(queue)).keys()

    expected = {"T3"} if what == "create" else {"T1", "T3"}
    assert with_queue(directory, body) == expected
    assert with_queue(directory, contents).keys() == expected


def test_reading_while_the_server_runs(directory):
    async def body(queue):
        await add(queue, "T1", "T2")
        before = read_entries(directory)
        await queue.update(replace(queue.entry("T1"), attempts=4))
        await queue.remove("T2")
        return before, read_entries(directory)

    before, after = with_queue(directory, body)
    assert [entry.id for entry in before] == ["T1", "T2"]
    assert [(entry.id, entry.attempts) for entry in after] == [("T1", 4)]
