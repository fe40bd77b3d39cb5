# SPDX-License-Identifier: MIT
"""Checking a mailbox, and making its index anew."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from homemail.config.mailbox import MailboxSettings
from homemail.model.mailbox import INBOX, SEEN, FlagChange, Uid
from homemail.store.api import Found, Progress, Wanted
from homemail.store.maildir import MaildirStore, open_store
from tests.store.conformance import ALICE, fill, flags_of

EVERYTHING = Wanted(envelope=True, body_structure=True, header=True)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[MaildirStore]:
    store = open_store(ALICE.account, tmp_path, MailboxSettings())
    yield store
    store.close()


def found(events: Iterator[Progress | Found]) -> list[tuple[str, bool]]:
    return [(event.text, event.mended) for event in events if isinstance(event, Found)]


def files(home: Path) -> list[Path]:
    return sorted((home / "Maildir/new").iterdir(), key=lambda path: int(path.name.split(".")[-1]))


def test_nothing_wrong(store: MaildirStore) -> None:
    fill(store, 3)
    assert list(store.check(INBOX)) == [Progress(0, 3), Progress(3, 3)]


def test_files_that_changed_are_named(store: MaildirStore, tmp_path: Path) -> None:
    fill(store, 4)
    short, other, gone, whole = files(tmp_path)
    short.write_bytes(short.read_bytes()[:-1])
    other.write_bytes(other.read_bytes().replace(b"noon", b"nine"))
    gone.unlink()
    (tmp_path / "Maildir/cur/link").symlink_to(whole)
    texts = [text for text, mended in found(store.check(INBOX)) if not mended]
    assert [text.split(":")[0].split(",")[0] for text in texts] == [
        f"message 1 has {short.stat().st_size} octets",
        "message 2 is not what it was when it was filed",
        "no message",
    ]


def test_what_the_index_lacks_is_put_in(store: MaildirStore, tmp_path: Path) -> None:
    uids = fill(store, 3)
    with closing(sqlite3.connect(tmp_path / ".homemail/index.sqlite")) as connection:
        connection.execute("DELETE FROM parts WHERE id & 4294967295 = 2")
        connection.commit()
    assert found(store.check(INBOX)) == [("1 messages were not in the index; put in", True)]
    assert found(store.check(INBOX)) == []
    assert len(store.open(INBOX, ALICE).read_cached(uids, EVERYTHING)) == 3


def test_reindex_keeps_what_clients_know(store: MaildirStore) -> None:
    fill(store, 3)
    mailbox = store.open(INBOX, ALICE)
    mailbox.store([Uid(2)], FlagChange.ADD, frozenset({SEEN}))
    mailbox.expunge()
    before, flags = mailbox.read_facts(mailbox.snapshot().uids), flags_of(mailbox)
    assert found(store.reindex(INBOX)) == [("3 messages read", False)]
    assert (mailbox.read_facts(mailbox.snapshot().uids), flags_of(mailbox)) == (before, flags)
    assert found(store.check(INBOX)) == []


def test_mail_arrives_while_an_index_is_made(store: MaildirStore) -> None:
    fill(store, 2)
    steps = store.reindex(INBOX)
    next(steps)
    fill(store, 1)
    list(steps)
    assert len(store.open(INBOX, ALICE).read_facts([Uid(1), Uid(2), Uid(3)])) == 3
    assert found(store.check(INBOX)) == []
