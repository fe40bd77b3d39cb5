# SPDX-License-Identifier: MIT
"""What every store must do: run over each implementation by ``test_conformance.py``.

A module of tests that are called with the fixture ``store`` only.
"""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest

from homemail import errors
from homemail.model.address import AccountId
from homemail.model.mailbox import (
    INBOX,
    SEEN,
    Change,
    Flag,
    MailboxName,
    Uid,
)
from homemail.model.message import MemoryContent, read_all
from homemail.store.api import Actor, Mailbox, NewMessage, Store, Wanted

ALICE = Actor(AccountId("alice"))
JUNK = Flag("$Junk")
WHEN = datetime(2024, 5, 17, 9, 30, 11, tzinfo=timezone(timedelta(hours=2)))

MAIL = (
    b"From: =?utf-8?q?J=C3=BCrgen?= <j@example.org>\r\n"
    b"To: alice@home.test\r\n"
    b"Subject: Lunch\r\n"
    b"Date: Fri, 17 May 2024 09:30:00 +0200\r\n"
    b"Message-ID: <one@example.org>\r\n"
    b"\r\n"
    b"Soup at noon?\r\n"
)


def name(text: str) -> MailboxName:
    return MailboxName.parse(text)


def message(octets: bytes = MAIL, *flags: Flag, date: datetime | None = WHEN) -> NewMessage:
    return NewMessage(MemoryContent(octets), frozenset(flags), date)


def fill(store: Store, count: int = 3, to: MailboxName = INBOX) -> list[Uid]:
    return [appended.uid for appended in store.append(to, [message()] * count, ALICE)]


def flags_of(mailbox: Mailbox) -> dict[Uid, frozenset[Flag]]:
    return {facts.uid: facts.flags for facts in mailbox.read_facts(mailbox.snapshot().uids)}


def heard(mailbox: Mailbox) -> list[Change]:
    """Return the list to which the mailbox's changes are going from now on."""
    changes: list[Change] = []
    mailbox.watch(changes.extend)
    return changes


# Messages


def test_inbox_is_there_and_empty(store: Store) -> None:
    snapshot = store.open(INBOX, ALICE).snapshot()
    assert (list(snapshot.uids), snapshot.uid_next) == ([], 1)
    assert [info.name for info in store.mailboxes()] == [INBOX]


def test_append_gives_ascending_uids(store: Store) -> None:
    first = store.append(INBOX, [message(), message()], ALICE)
    second = store.append(INBOX, [message()], ALICE)
    snapshot = store.open(INBOX, ALICE).snapshot()
    uids = [appended.uid for appended in (*first, *second)]
    assert uids == sorted(set(uids)) == list(snapshot.uids)
    assert {appended.uid_validity for appended in (*first, *second)} == {snapshot.uid_validity}
    assert snapshot.uid_next > uids[-1]


def test_what_was_appended_is_read_back(store: Store) -> None:
    (appended,) = store.append(INBOX, [message(MAIL, SEEN, JUNK)], ALICE)
    mailbox = store.open(INBOX, ALICE)
    (facts,) = mailbox.read_facts([appended.uid])
    assert (facts.uid, facts.size) == (appended.uid, len(MAIL))
    assert facts.flags == {SEEN, JUNK}
    assert facts.internal_date == WHEN
    content = mailbox.read_content(appended.uid)
    assert content is not None and content.size == len(MAIL)
    assert read_all(content) == MAIL


@pytest.mark.parametrize(
    ("octets", "kept"),
    [
        (b"A: b\n\nx\n", b"A: b\r\n\r\nx\r\n"),
        (b"A: b\r\rx\r\r\n", b"A: b\r\n\r\nx\r\n\r\n"),
        (b"A: b\r\n\r\nno end", b"A: b\r\n\r\nno end"),
        (b"", b""),
        (b"\r", b"\r\n"),
    ],
)
def test_line_ends_become_crlf(store: Store, octets: bytes, kept: bytes) -> None:
    (appended,) = store.append(INBOX, [message(octets)], ALICE)
    mailbox = store.open(INBOX, ALICE)
    content = mailbox.read_content(appended.uid)
    assert content is not None and read_all(content) == kept
    assert mailbox.read_facts([appended.uid])[0].size == content.size == len(kept)


def test_nul_is_refused_and_nothing_is_kept(store: Store) -> None:
    with pytest.raises(errors.BadContent):
        store.append(INBOX, [message(), message(b"A: b\r\n\r\n\0\r\n")], ALICE)
    assert list(store.open(INBOX, ALICE).snapshot().uids) == []


def test_same_content_has_the_same_email_id(store: Store) -> None:
    uids = fill(store, 2)
    (other,) = store.append(INBOX, [message(MAIL + b"more\r\n")], ALICE)
    facts = store.open(INBOX, ALICE).read_facts([*uids, other.uid])
    assert facts[0].email_id == facts[1].email_id != facts[2].email_id


def test_content_outlives_the_message(store: Store) -> None:
    (uid,) = fill(store, 1)
    mailbox = store.open(INBOX, ALICE)
    content = mailbox.read_content(uid)
    assert mailbox.remove([uid]) == (uid,)
    assert content is not None and read_all(content) == MAIL
    assert mailbox.read_content(uid) is None


def test_header_is_cached(store: Store) -> None:
    (uid,) = fill(store, 1)
    (parts,) = store.open(INBOX, ALICE).read_cached([uid], Wanted(header=True))
    assert parts.header == MAIL.partition(b"Soup")[0]
    assert parts.envelope == parts.body_structure == b""
