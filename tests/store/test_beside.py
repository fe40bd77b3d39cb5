# SPDX-License-Identifier: MIT
"""Reading beside the owner's lane, while it changes everything."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from homemail.config.mailbox import MailboxSettings
from homemail.model import search as keys
from homemail.model.mailbox import INBOX, SEEN, FlagChange, ModSeq
from homemail.model.message import read_all
from homemail.store.api import Mailbox, Wanted
from homemail.store.maildir import open_store
from tests.store.conformance import ALICE, MAIL, fill, message, name


def read_everything(mailbox: Mailbox, done: threading.Event, trouble: list[BaseException]) -> None:
    try:
        while not done.is_set():
            uids = mailbox.read_search(keys.TextHas("soup"))
            for facts in mailbox.read_facts(uids):
                assert facts.size == len(MAIL)
                content = mailbox.read_content(facts.uid)
                assert content is None or read_all(content) == MAIL
            for parts in mailbox.read_cached(uids, Wanted(True, True, True)):
                assert b"Lunch" in parts.envelope and parts.header.endswith(b"\r\n\r\n")
            changed, vanished = mailbox.read_changed_since(ModSeq(1))
            assert not {facts.uid for facts in changed} & set(vanished)
    except BaseException as error:
        trouble.append(error)


@pytest.mark.slow
def test_readers_see_a_mailbox_that_was(tmp_path: Path) -> None:
    store = open_store(ALICE.account, tmp_path, MailboxSettings())
    store.create(name("Work"), ALICE)
    mailbox = store.open(INBOX, ALICE)
    mailbox.snapshot()
    done, trouble = threading.Event(), list[BaseException]()
    reader = threading.Thread(target=read_everything, args=(mailbox, done, trouble))
    reader.start()
    try:
        for turn in range(30):
            uids = fill(store, 4)
            (tmp_path / "Maildir/tmp/x").write_bytes(MAIL.replace(b"\r\n", b"\n"))
            (tmp_path / "Maildir/tmp/x").rename(tmp_path / f"Maildir/new/{turn}.x")
            mailbox.store(uids, FlagChange.ADD, frozenset({SEEN}))
            mailbox.copy(uids[:1], INBOX)
            mailbox.move(uids[1:2], name("Work"))
            mailbox.remove(uids[2:3])
            mailbox.snapshot()
            store.append(name("Work"), [message()], ALICE)
    finally:
        done.set()
        reader.join()
    assert trouble == []
    assert store.status(INBOX, ALICE).messages == 30 * 4
    store.close()
