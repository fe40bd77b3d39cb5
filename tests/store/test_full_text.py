# SPDX-License-Identifier: MIT
"""The full-text index changes no answer, whatever state it is in."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from homemail.config.mailbox import MailboxSettings
from homemail.model.mailbox import INBOX, Uid
from homemail.model.search import And, BodyHas, HeaderHas, Not, Or, SearchKey, TextHas
from homemail.store import full_text as full_texts
from homemail.store import lane
from homemail.store.api import Mailbox
from homemail.store.lane import OwnerMail
from homemail.store.maildir import MaildirStore, open_store
from tests.store.conformance import ALICE, message, name

TEXTS = (
    b"Subject: Lunch\r\n\r\nSoup at noon?\r\n",
    b"Subject: =?utf-8?q?Caf=C3=A9?=\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n"
    b'Die gro\xc3\x9fe "Stra\xc3\x9fe"\r\n',
    b"Subject: soup\r\nContent-Transfer-Encoding: base64\r\n\r\nTm9vbnRpbWUgbHVuY2g=\r\n",
    b"Subject: nothing\r\n\r\n" + b"many words " * 1000 + b"\r\n",
)

KEYS: tuple[SearchKey, ...] = (
    TextHas("soup"),
    TextHas("SOUP at"),
    BodyHas("soup"),
    BodyHas("noon"),
    TextHas("caf\u00e9"),
    TextHas("STRASSE"),
    TextHas('"Stra'),
    TextHas("no"),
    TextHas(""),
    TextHas("x\0y"),
    TextHas("words many words many words many words many"),
    TextHas("no such thing"),
    Or(TextHas("lunch"), BodyHas("noon")),
    Or(TextHas("lunch"), HeaderHas("subject", "soup")),
    And((TextHas("soup"), Not(BodyHas("soup")))),
    Not(TextHas("soup")),
)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[MaildirStore]:
    store = open_store(ALICE.account, tmp_path, MailboxSettings())
    store.append(INBOX, [message(text) for text in TEXTS], ALICE)
    yield store
    store.close()


@pytest.fixture
def looked_at(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The UIDs of the messages whose text was read."""
    uids: list[int] = []
    real = full_texts.ReadableBox.octets

    def octets(box: full_texts.ReadableBox, uid: int) -> object:
        uids.append(uid)
        return real(box, uid)

    monkeypatch.setattr(full_texts.ReadableBox, "octets", octets)
    return uids


def fill(store: MaildirStore) -> None:
    while store.read_texts():
        pass


def answers(mailbox: Mailbox) -> list[list[Uid]]:
    return [mailbox.read_search(key) for key in KEYS]


def test_answers_are_those_of_reading_everything(store: MaildirStore) -> None:
    mailbox = store.open(INBOX, ALICE)
    before = answers(mailbox)
    assert before[0] == [1, 3] and before[5] == [2] and before[11] == []
    fill(store)
    assert answers(mailbox) == before
    (store._root.parent / ".homemail/full-text.sqlite").unlink()
    assert answers(mailbox) == before


def test_only_what_may_match_is_read(store: MaildirStore, looked_at: list[int]) -> None:
    mailbox = store.open(INBOX, ALICE)
    fill(store)
    looked_at.clear()
    assert mailbox.read_search(BodyHas("soup at")) == [1]
    assert mailbox.read_search(BodyHas("no such thing")) == []
    assert looked_at == [1]


def test_what_is_not_taken_in_yet_is_read(store: MaildirStore) -> None:
    mailbox = store.open(INBOX, ALICE)
    fill(store)
    store.append(INBOX, [message(TEXTS[0])], ALICE)
    assert mailbox.read_search(TextHas("soup at noon")) == [1, 5]
    fill(store)
    assert mailbox.read_search(TextHas("soup at noon")) == [1, 5]


def test_what_has_gone_is_not_found(store: MaildirStore) -> None:
    mailbox = store.open(INBOX, ALICE)
    fill(store)
    mailbox.remove([Uid(1)])
    assert mailbox.read_search(TextHas("soup at noon")) == []


def test_mailboxes_are_kept_apart(store: MaildirStore) -> None:
    store.create(name("Work"), ALICE)
    store.append(name("Work"), [message(TEXTS[3])], ALICE)
    fill(store)
    store.reindex(name("Work"))
    assert store.open(name("Work"), ALICE).read_search(TextHas("soup")) == []
    assert store.open(INBOX, ALICE).read_search(TextHas("soup")) == [1, 3]


def test_an_index_made_anew_is_not_the_old_one(store: MaildirStore) -> None:
    fill(store)
    list(store.reindex(INBOX))
    fill(store)
    assert answers(store.open(INBOX, ALICE))[0] == [1, 3]


@pytest.mark.parametrize("rubbish", [b"", b"rubbish" * 1000])
def test_rubbish_in_the_file(store: MaildirStore, tmp_path: Path, rubbish: bytes) -> None:
    fill(store)
    store.close()
    (tmp_path / ".homemail/full-text.sqlite").write_bytes(rubbish)
    again = open_store(ALICE.account, tmp_path, MailboxSettings())
    mailbox = again.open(INBOX, ALICE)
    assert mailbox.read_search(TextHas("soup")) == [1, 3]
    fill(again)
    assert mailbox.read_search(TextHas("soup")) == [1, 3]
    again.close()


def test_a_text_that_is_too_long_is_read(
    store: MaildirStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(full_texts, "_LONGEST", 1000)
    fill(store)
    assert store.open(INBOX, ALICE).read_search(TextHas("many words")) == [4]


def test_it_is_made_anew_when_most_have_gone(
    store: MaildirStore, monkeypatch: pytest.MonkeyPatch, looked_at: list[int]
) -> None:
    fill(store)
    monkeypatch.setattr(full_texts, "_GONE_KEPT", 1)
    store.open(INBOX, ALICE).remove([Uid(1), Uid(2), Uid(4)])
    looked_at.clear()
    fill(store)
    assert looked_at == [3]


def test_it_can_be_turned_off(tmp_path: Path) -> None:
    store = open_store(ALICE.account, tmp_path, MailboxSettings(full_text=False))
    store.append(INBOX, [message(TEXTS[0])], ALICE)
    fill(store)
    assert store.open(INBOX, ALICE).read_search(TextHas("soup")) == [1]
    assert not (tmp_path / ".homemail/full-text.sqlite").exists()


def test_the_lane_fills_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, looked_at: list[int]
) -> None:
    monkeypatch.setattr(lane, "_TEXTS_SECONDS", 0.0)
    monkeypatch.setattr(full_texts, "AT_ONCE", 1)
    monkeypatch.setattr(lane, "_TEXTS_PAUSE", 0.0)

    async def main() -> None:
        mail = OwnerMail(open_store(ALICE.account, tmp_path, MailboxSettings()))
        await mail.change(mail.store.append, INBOX, [message(text) for text in TEXTS], ALICE)
        async with asyncio.timeout(10):
            while len(looked_at) < len(TEXTS):
                await mail.read(int)
        await mail.close()

    asyncio.run(main())
    assert looked_at == [1, 2, 3, 4]
