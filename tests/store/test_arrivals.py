# SPDX-License-Identifier: MIT
"""Deliveries at the same time share their syncs and nothing else."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest

from homemail import durable
from homemail.config.mailbox import MailboxSettings
from homemail.errors import BadContent, NoSuchMailbox, StorageFull
from homemail.model.mailbox import INBOX, Appended, MailboxName
from homemail.store import open_store
from homemail.store.api import Append, Store
from homemail.store.arrivals import Filing
from homemail.store.lane import OwnerMail
from homemail.store.memory import MemoryStore
from tests.store.conformance import ALICE, MAIL, message, name

MANY = 20


@pytest.fixture(params=["maildir", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    if request.param == "memory":
        yield MemoryStore(ALICE.account)
        return
    store = open_store(ALICE.account, tmp_path, MailboxSettings())
    yield store


def filing(to: MailboxName = INBOX, octets: bytes = MAIL) -> Filing[tuple[Appended, ...]]:
    return (yield Append(to, [message(octets)], ALICE))


async def all_at_once(mail: OwnerMail, *begins: Callable[[], Filing[object]]) -> list[object]:
    """Let them wait together: the lane is busy until all have come."""
    busy = threading.Event()
    blocked = asyncio.ensure_future(mail.change(busy.wait))
    await asyncio.sleep(0)
    waiting: list[Awaitable[object]] = [asyncio.ensure_future(mail.file(one)) for one in begins]
    await asyncio.sleep(0)
    busy.set()
    await blocked
    answers: list[object] = list(await asyncio.gather(*waiting, return_exceptions=True))
    return answers


def run(store: Store, *begins: Callable[[], Filing[object]]) -> list[object]:
    async def main() -> list[object]:
        mail = OwnerMail(store)
        try:
            return await all_at_once(mail, *begins)
        finally:
            await mail.close()

    return asyncio.run(main())


def test_each_hears_where_its_message_went(store: Store) -> None:
    answers = run(store, *[filing] * MANY)
    assert sorted(one.uid for (one,) in answers) == list(range(1, MANY + 1))  # type: ignore[misc]


def test_one_that_fails_disturbs_no_other(store: Store) -> None:
    good, bad, nowhere, last = run(
        store, filing, lambda: filing(octets=b"a\0b"), lambda: filing(name("No")), filing
    )
    assert isinstance(bad, BadContent)
    assert isinstance(nowhere, NoSuchMailbox)
    assert isinstance(good, tuple) and isinstance(last, tuple)


def test_a_fault_in_one_disturbs_no_other(store: Store) -> None:
    def faulty() -> Filing[None]:
        yield Append(INBOX, [message()], ALICE)
        raise ZeroDivisionError

    def broken() -> Filing[None]:
        raise ZeroDivisionError
        yield

    first, second, third = run(store, faulty, broken, filing)
    assert isinstance(first, ZeroDivisionError) and isinstance(second, ZeroDivisionError)
    assert isinstance(third, tuple)


def test_what_went_wrong_can_be_answered_with_another_append(store: Store) -> None:
    def to_inbox_then() -> Filing[str]:
        try:
            yield from filing(name("No"))
        except NoSuchMailbox:
            yield from filing()
            return "kept"
        return "filed"

    assert run(store, to_inbox_then, to_inbox_then) == ["kept", "kept"]


def test_one_that_is_alone_ends_before_the_next_begins(store: Store) -> None:
    order = []

    def alone(number: int) -> Filing[None]:
        order.append(f"begin {number}")
        yield Append(INBOX, [message()], ALICE, alone=True)
        order.append(f"end {number}")

    run(store, lambda: alone(1), lambda: alone(2))
    assert order == ["begin 1", "end 1", "begin 2", "end 2"]


def test_the_quota_counts_what_comes_at_the_same_time(store: Store) -> None:
    store.limit(0, 3)
    answers = run(store, *[filing] * 5)
    assert sum(isinstance(answer, tuple) for answer in answers) == 3


def test_many_mailboxes_at_once(store: Store) -> None:
    names = [name(f"box{number}") for number in range(MANY)]
    for one in names:
        store.create(one, ALICE)
    answers = run(store, *[lambda one=one: filing(one) for one in names * 2])  # type: ignore[misc]
    assert all(isinstance(answer, tuple) for answer in answers)


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    made: list[tuple[str, str]] = []
    monkeypatch.setattr(durable, "step", lambda what, where: made.append((what, where)))
    return made


def test_directories_are_synced_once(tmp_path: Path, steps: list[tuple[str, str]]) -> None:
    store = open_store(ALICE.account, tmp_path, MailboxSettings())
    store.append(INBOX, [message()], ALICE)
    steps.clear()
    outcomes = store.append_all([Append(INBOX, [message()], ALICE)] * MANY)
    assert all(isinstance(outcome, tuple) for outcome in outcomes)
    synced = [where for what, where in steps if what == "fsync"]
    assert len([where for where in synced if "/tmp/" in where.removeprefix(str(tmp_path))]) == MANY
    assert [where for where in synced if where.endswith("/new")] == [f"{tmp_path}/Maildir/new"]
    renames = [at for at, (what, _) in enumerate(steps) if what == "rename"]
    last_file = max(at for at, (w, where) in enumerate(steps) if w == "fsync" and "/tmp/1" in where)
    directory = steps.index(("fsync", f"{tmp_path}/Maildir/new"))
    assert last_file < min(renames) and max(renames) < directory


def test_a_file_that_cannot_be_synced_fails_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = open_store(ALICE.account, tmp_path, MailboxSettings())
    failed = []

    def step(what: str, where: str) -> None:
        if what == "fsync" and "/tmp/1" in where and not failed:
            failed.append(where)
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(durable, "step", step)
    outcomes = store.append_all([Append(INBOX, [message()], ALICE)] * 3)
    assert sorted(isinstance(outcome, StorageFull) for outcome in outcomes) == [False, False, True]
    assert len(list((tmp_path / "Maildir/new").iterdir())) == 2
    assert list((tmp_path / "Maildir/tmp").iterdir()) == []
