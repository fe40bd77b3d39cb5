# SPDX-License-Identifier: MIT
"""A Maildir store and the memory twin do the same things and must show the same mailboxes.

Between, the Maildir store is closed, killed, or loses its index, and other programs change names.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from homemail.config.mailbox import MailboxSettings
from homemail.errors import MailError
from homemail.model.mailbox import (
    ANSWERED,
    DELETED,
    INBOX,
    SEEN,
    Flag,
    FlagChange,
    Flags,
    MailboxName,
    ModSeq,
    Uid,
)
from homemail.model.message import read_all
from homemail.store.api import Mailbox, Store
from homemail.store.maildir import MaildirStore, open_store
from homemail.store.memory import MemoryStore
from tests.store.conformance import ALICE, JUNK, message, name

NAMES = st.sampled_from([INBOX, name("a"), name("a/b"), name("ü.x"), name("z")])
FLAGS = st.frozensets(st.sampled_from([SEEN, ANSWERED, DELETED, JUNK, Flag("ToDo")]))
PICKS = st.lists(st.integers(0, 6), max_size=3)


class House(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.home = Path(tempfile.mkdtemp(prefix="homemail-test-"))
        self.maildir = self.open()
        self.twin = MemoryStore(ALICE.account)
        self.count = 0
        self.given: dict[tuple[str, int, int], bytes] = {}

    def open(self) -> MaildirStore:
        return open_store(ALICE.account, self.home, MailboxSettings())

    def teardown(self) -> None:
        self.maildir.close()
        shutil.rmtree(self.home)

    def both(self, act: str, *arguments: object) -> None:
        """Do the same in both; both succeed, or both fail in the same way."""
        results = []
        for store in (self.maildir, self.twin):
            try:
                getattr(store, act)(*arguments, ALICE)
                results.append("done")
            except MailError as error:
                results.append(type(error).__name__)
        assert results[0] == results[1]

    def in_mailbox(self, mailbox_name: MailboxName, picks: list[int], act: str, *rest: object):
        results = []
        for store in (self.maildir, self.twin):
            try:
                mailbox = store.open(mailbox_name, ALICE)
                uids = mailbox.snapshot().uids
                chosen = [uids[pick] for pick in picks if pick < len(uids)]
                getattr(mailbox, act)(chosen, *rest)
                mailbox.close()
                results.append("done")
            except MailError as error:
                results.append(type(error).__name__)
        assert results[0] == results[1]

    @rule(to=NAMES, flags=FLAGS, many=st.integers(1, 3))
    def append(self, to: MailboxName, flags: Flags, many: int) -> None:
        self.count += many
        contents = [b"Subject: %d\r\n\r\nx\r\n" % (self.count - n) for n in range(many)]
        self.both("append", to, [message(content, *flags) for content in contents])

    @rule(of=NAMES, picks=PICKS, change=st.sampled_from(FlagChange), flags=FLAGS)
    def store(self, of: MailboxName, picks: list[int], change: FlagChange, flags: Flags) -> None:
        self.in_mailbox(of, picks, "store", change, flags)

    @rule(of=NAMES, picks=PICKS, to=NAMES)
    def copy(self, of: MailboxName, picks: list[int], to: MailboxName) -> None:
        self.in_mailbox(of, picks, "copy", to)

    @rule(of=NAMES, picks=PICKS, to=NAMES)
    def move(self, of: MailboxName, picks: list[int], to: MailboxName) -> None:
        self.in_mailbox(of, picks, "move", to)

    @rule(of=NAMES, picks=PICKS, act=st.sampled_from(["expunge", "remove"]))
    def remove(self, of: MailboxName, picks: list[int], act: str) -> None:
        self.in_mailbox(of, picks, act)

    @rule(new=NAMES)
    def create(self, new: MailboxName) -> None:
        self.both("create", new)

    @rule(old=NAMES)
    def delete(self, old: MailboxName) -> None:
        self.both("delete", old)

    @rule(old=NAMES, new=NAMES)
    def rename(self, old: MailboxName, new: MailboxName) -> None:
        self.both("rename", old, new)

    @rule(of=NAMES, act=st.sampled_from(["subscribe", "unsubscribe"]))
    def subscribe(self, of: MailboxName, act: str) -> None:
        self.both(act, of)

    @rule(killed=st.booleans(), index_lost=st.booleans())
    def restart(self, killed: bool, index_lost: bool) -> None:
        if killed:
            self.maildir._lock.close()
            self.maildir._around.watch.close()
            self.maildir._around.index.close()
        else:
            self.maildir.close()
        if index_lost:
            for file in (self.home / ".homemail").glob("index.sqlite*"):
                file.unlink()
        self.maildir = self.open()

    @rule()
    def deliver_otherwise(self) -> None:
        self.count += 1
        content = b"Subject: %d\n\nforeign\n" % self.count
        (self.home / "Maildir/tmp").mkdir(parents=True, exist_ok=True)
        (self.home / "Maildir/tmp/x").write_bytes(content)
        (self.home / "Maildir/tmp/x").rename(self.home / f"Maildir/new/{self.count}.x")
        self.twin.append(INBOX, [message(content)], ALICE)

    @precondition(lambda self: self.count > 0)
    @rule(letters=st.sampled_from(["", "S", "RS"]))
    def mark_otherwise(self, letters: str) -> None:
        """Set flags of the first message of INBOX as another program does, by a rename."""
        mailbox = self.maildir.open(INBOX, ALICE, read_only=True)
        uids = mailbox.snapshot().uids
        flags = frozenset({"": (), "S": (SEEN,), "RS": (ANSWERED, SEEN)}[letters])
        if uids:
            box = self.maildir.box(INBOX)
            path = self.home / "Maildir" / box.rows.paths[0]
            path.rename(self.home / "Maildir/cur" / f"{path.name.partition(':')[0]}:2,{letters}")
            self.in_twin(flags)
        mailbox.close()

    def in_twin(self, flags: Flags) -> None:
        mailbox = self.twin.open(INBOX, ALICE)
        mailbox.store(mailbox.snapshot().uids[:1], FlagChange.REPLACE, flags)
        mailbox.close()

    @invariant()
    def same(self) -> None:
        assert shown(self.maildir) == shown(self.twin)
        for info in self.maildir.mailboxes():
            if info.exists:
                mailbox = self.maildir.open(info.name, ALICE, read_only=True)
                self.check_numbers(mailbox)
                mailbox.close()

    def check_numbers(self, mailbox: Mailbox) -> None:
        snapshot = mailbox.snapshot()
        assert list(snapshot.uids) == sorted(set(snapshot.uids))
        assert not snapshot.uids or snapshot.uids[-1] < snapshot.uid_next
        for facts in mailbox.read_facts(snapshot.uids):
            assert facts.mod_seq <= snapshot.highest_mod_seq
            content = mailbox.read_content(facts.uid)
            assert content is not None and content.size == facts.size
            key = (mailbox.mailbox_id, snapshot.uid_validity, facts.uid)
            assert self.given.setdefault(key, read_all(content)) == read_all(content)
        changed, _ = mailbox.read_changed_since(ModSeq(0))
        assert [facts.uid for facts in changed] == list(snapshot.uids)


def shown(store: Store) -> list[object]:
    """Return what a client sees of all mailboxes, without the numbers."""
    found: list[object] = [store.subscriptions()]
    for info in store.mailboxes():
        found.append((info.name, info.exists, info.has_children, info.subscribed))
        if info.exists:
            mailbox = store.open(info.name, ALICE, read_only=True)
            for facts in mailbox.read_facts(mailbox.snapshot().uids):
                content = mailbox.read_content(Uid(facts.uid))
                assert content is not None
                found.append((read_all(content), facts.flags, facts.email_id, facts.thread_id))
            mailbox.close()
            status = store.status(info.name, ALICE)
            found.append((status.messages, status.unseen, status.deleted, status.size))
    return found


House.TestCase.settings = settings(max_examples=40, stateful_step_count=25, deadline=None)
TestHouse = pytest.mark.slow(House.TestCase)
