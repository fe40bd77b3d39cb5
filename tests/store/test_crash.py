# SPDX-License-Identifier: MIT
"""The process dies, or the disk fails, at each step of each operation.

After that nothing accepted is lost, no torn message is visible, nothing is there twice that was
there once, and no UID stands for two messages.
"""

from __future__ import annotations

import errno
import itertools
import os
import shutil
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from homemail import durable
from homemail.config.mailbox import MailboxSettings
from homemail.errors import MailError, StorageFull
from homemail.model.mailbox import DELETED, FLAGGED, INBOX, FlagChange, Uid
from homemail.model.message import read_all
from homemail.store.api import Append
from homemail.store.maildir import MaildirStore, open_store
from tests.store.conformance import ALICE, JUNK, message, name

WORK = name("Work")
ARRIVE_IN = (INBOX, WORK, INBOX)


def octets(number: int) -> bytes:
    return b"Subject: %d\r\nMessage-ID: <%d@x>\r\n\r\n" % (number, number) + b"line\r\n" * number


OLD = tuple(octets(number) for number in range(1, 5))
NEW = tuple(octets(number) for number in range(11, 14))
Contents = dict[str, list[tuple[int, bytes, frozenset[str]]]]


def open_house(home: Path) -> MaildirStore:
    return open_store(ALICE.account, home, MailboxSettings())


def append(store: MaildirStore) -> None:
    store.append(INBOX, [message(NEW[0])], ALICE)


def append_many(store: MaildirStore) -> None:
    store.append(INBOX, [message(one, FLAGGED, JUNK) for one in NEW], ALICE)


def arrive(store: MaildirStore) -> None:
    appends = [Append(to, [message(one)], ALICE) for to, one in zip(ARRIVE_IN, NEW, strict=True)]
    for outcome in store.append_all(appends):
        if isinstance(outcome, Exception):
            raise outcome


def expunge(store: MaildirStore) -> None:
    mailbox = store.open(INBOX, ALICE)
    mailbox.store([Uid(1), Uid(3)], FlagChange.ADD, frozenset({DELETED}))
    mailbox.expunge()


def undelete(store: MaildirStore) -> None:
    store.open(INBOX, ALICE).remove([Uid(1)])
    ids = [removed.id for removed in store.removed()]
    store.restore(ids, ALICE)


def change_flags(store: MaildirStore) -> None:
    flags = frozenset({FLAGGED, JUNK})
    store.open(INBOX, ALICE).store([Uid(1), Uid(2)], FlagChange.ADD, flags)


def copy(store: MaildirStore) -> None:
    store.open(INBOX, ALICE).copy([Uid(1), Uid(2)], WORK)


def move(store: MaildirStore) -> None:
    store.open(INBOX, ALICE).move([Uid(1), Uid(2)], WORK)


def read(store: MaildirStore) -> None:
    store.open(INBOX, ALICE).snapshot()


def adopt(store: MaildirStore) -> None:
    root = store._root
    (root / "tmp/x").write_bytes(NEW[0])
    (root / "tmp/x").rename(root / "new/1700000000.x")
    store.open(INBOX, ALICE).snapshot()


def create(store: MaildirStore) -> None:
    store.create(name("Other/Deep"), ALICE)


def rename(store: MaildirStore) -> None:
    store.rename(WORK, name("Renamed/Here"), ALICE)


def rename_inbox(store: MaildirStore) -> None:
    store.rename(INBOX, name("Old"), ALICE)


def delete(store: MaildirStore) -> None:
    store.delete(WORK, ALICE)


def subscribe(store: MaildirStore) -> None:
    store.subscribe(WORK, ALICE)


def close(store: MaildirStore) -> None:
    store.append(INBOX, [message(NEW[0])], ALICE)
    store.close()


@dataclass(frozen=True)
class Operation:
    """``new``: what it may add; ``copies``: what may be there twice; ``removes``: what may go.

    ``returns``: what goes and comes back.
    """

    act: Callable[[MaildirStore], None]
    new: tuple[bytes, ...] = ()
    copies: tuple[bytes, ...] = ()
    removes: tuple[bytes, ...] = ()
    returns: tuple[bytes, ...] = ()


OPERATIONS = (
    Operation(append, new=NEW[:1]),
    Operation(append_many, new=NEW),
    Operation(arrive, new=NEW),
    Operation(expunge, removes=(OLD[0], OLD[2])),
    Operation(undelete, returns=OLD[:1]),
    Operation(change_flags),
    Operation(copy, copies=OLD[:2]),
    Operation(move),
    Operation(read),
    Operation(adopt, new=NEW[:1]),
    Operation(create),
    Operation(rename),
    Operation(rename_inbox),
    Operation(delete, removes=OLD[3:]),
    Operation(subscribe),
    Operation(close, new=NEW[:1]),
)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with three messages in INBOX and one in Work and below it."""
    home = tmp_path_factory.mktemp("house")
    store = open_house(home)
    store.create(name("Work/Sub"), ALICE)
    store.append(INBOX, [message(one) for one in OLD[:3]], ALICE)
    store.append(WORK, [message(OLD[3])], ALICE)
    store.close()
    return home


@pytest.fixture(params=OPERATIONS, ids=[one.act.__name__ for one in OPERATIONS])
def operation(request: pytest.FixtureRequest) -> Operation:
    one: Operation = request.param
    return one


def copies_of(house: Path, tmp_path: Path) -> Iterator[tuple[int, Path]]:
    for number in itertools.count():
        home = tmp_path / str(number)
        shutil.copytree(house, home, symlinks=True)
        yield number, home


class Countdown:
    """A step hook that does something at the step of a number."""

    def __init__(self, number: int, act: Callable[[], None]) -> None:
        self.left = number
        self._act = act

    def __call__(self, what: str, where: str) -> None:
        self.left -= 1
        if self.left == -1:
            self._act()


def dies(operation: Operation, home: Path, number: int) -> bool:
    """Run the operation in a process that dies at a step; False where it came to its end."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # the child starts no thread
        child = os.fork()
    if child == 0:
        try:
            store = open_house(home)
            durable.step = Countdown(number, lambda: os._exit(7))
            operation.act(store)
            os._exit(0)
        finally:
            os._exit(1)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert status in (0, 7)
    return status == 7


def contents(store: MaildirStore) -> Contents:
    found: Contents = {}
    for info in store.mailboxes():
        if info.exists:
            mailbox = store.open(info.name, ALICE, read_only=True)
            uids = mailbox.snapshot().uids
            read = [mailbox.read_content(uid) for uid in uids]
            found[str(info.name)] = [
                (facts.uid, read_all(content) if content else b"gone", facts.flags)
                for facts, content in zip(mailbox.read_facts(uids), read, strict=True)
            ]
            mailbox.close()
    return found


def aside(home: Path) -> list[bytes]:
    directory = home / ".homemail/deleted"
    if not directory.exists():
        return []
    files = [path for path in directory.glob("*/*") if path.name != "records"]
    return [path.read_bytes().replace(b"\n", b"\r\n") for path in files]


def check(operation: Operation, store: MaildirStore, home: Path, *, finished: bool) -> None:
    found = contents(store)
    messages = Counter(octets for rows in found.values() for _, octets, _ in rows)
    kept_aside = Counter(aside(home))
    for one in OLD:
        many = messages[one] + kept_aside[one]
        returning = one in operation.returns and not finished
        twice = many == 2 and (one in operation.copies or returning)
        assert many == 1 or twice, "lost, or there twice"
        may_go = one in operation.removes or returning
        assert messages[one] or may_go, "expunged without being asked"
        assert not (finished and one in operation.removes and messages[one])
        assert not (finished and one in operation.copies and many != 2)
    for one in NEW:
        assert messages[one] <= (one in operation.new)
        assert not (finished and one in operation.new and not messages[one])
    assert set(messages) <= {*OLD, *NEW}, "a torn message"
    for rows in found.values():
        assert len({uid for uid, _, _ in rows}) == len(rows)
    for mailbox in found:
        (appended,) = store.append(name(mailbox), [message(octets(99))], ALICE)
        assert appended.uid > max((uid for uid, _, _ in found[mailbox]), default=0)


@pytest.mark.slow
def test_death_at_each_step(operation: Operation, house: Path, tmp_path: Path) -> None:
    for number, home in copies_of(house, tmp_path):
        died = dies(operation, home, number)
        store = open_house(home)
        check(operation, store, home, finished=not died)
        first = contents(store)
        store.close()
        (home / ".homemail/index.sqlite").unlink()
        store = open_house(home)
        assert contents(store) == first, "the index knows what the files do not say"
        store.close()
        shutil.rmtree(home)
        if not died:
            assert number > 0
            return


def fail() -> None:
    raise OSError(errno.EIO, "the disk fails")


@pytest.mark.slow
def test_failure_at_each_step(
    operation: Operation, house: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk fails once; the store goes on, and says the same when it is opened again."""
    for number, home in copies_of(house, tmp_path):
        store = open_house(home)
        countdown = Countdown(number, fail)
        monkeypatch.setattr(durable, "step", countdown)
        try:
            operation.act(store)
            failed = False
        except MailError:
            failed = True
        monkeypatch.undo()
        if operation.act is close:
            store._lock.close()
            store = open_house(home)
        check(operation, store, home, finished=not failed)
        before = contents(store)
        store.close()
        store = open_house(home)
        assert contents(store) == before
        store.close()
        shutil.rmtree(home)
        if countdown.left >= 0:
            assert number > 0
            return


def test_half_a_line_of_the_state_spoils_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A reservation that was torn by a full disk must not swallow the next one."""
    store = open_house(tmp_path)
    whole = durable.write_all

    def half(fd: int, data: bytes | memoryview, name: str) -> None:
        if name.endswith("homemail-state"):
            os.write(fd, data[: len(data) // 3])
            raise OSError(errno.ENOSPC, "full")
        whole(fd, data, name)

    store.status(INBOX, ALICE)
    monkeypatch.setattr(durable, "write_all", half)
    with pytest.raises(StorageFull):
        append(store)
    monkeypatch.undo()
    (first,) = store.append(INBOX, [message(OLD[0], JUNK)], ALICE)
    mailbox = store.open(INBOX, ALICE)
    mailbox.remove([first.uid])
    store._lock.close()
    store = open_house(tmp_path)
    (second,) = store.append(INBOX, [message(OLD[1], JUNK)], ALICE)
    assert second.uid > first.uid and second.uid_validity == first.uid_validity
    assert contents(store)["INBOX"] == [(second.uid, OLD[1], {JUNK})]
    store.close()
