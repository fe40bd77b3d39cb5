# SPDX-License-Identifier: MIT
"""What every store must do: run over each implementation by ``test_conformance.py``.

A module of tests that are called with the fixture ``store`` only.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone

import pytest

from homemail import errors
from homemail.model import search as keys
from homemail.model.address import AccountId
from homemail.model.mailbox import (
    DELETED,
    FLAGGED,
    INBOX,
    SEEN,
    Added,
    Change,
    Expunged,
    Flag,
    FlagChange,
    FlagsChanged,
    MailboxName,
    ModSeq,
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


def message(octets: bytes = MAIL, *flags: Flag, at: datetime | None = WHEN) -> NewMessage:
    return NewMessage(MemoryContent(octets), frozenset(flags), at)


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


def test_flags_alone(store: Store) -> None:
    uids = fill(store, 5)
    mailbox = store.open(INBOX, ALICE)
    mailbox.store(uids[1:3], FlagChange.ADD, frozenset({SEEN, JUNK}))
    seen = frozenset({SEEN, JUNK})
    none: frozenset[Flag] = frozenset()
    assert mailbox.read_flags(uids) == list(zip(uids, [none, seen, seen, none, none], strict=True))
    assert mailbox.read_flags(uids[1:3]) == [(uids[1], seen), (uids[2], seen)]
    assert mailbox.read_flags([uids[0], uids[2]]) == [(uids[0], none), (uids[2], seen)]
    mailbox.remove([uids[1]])
    assert mailbox.read_flags(uids[:3]) == [(uids[0], none), (uids[2], seen)]
    assert mailbox.read_flags([uids[1]]) == mailbox.read_flags([]) == []
    assert mailbox.read_flags([Uid(uids[-1] + 1)]) == []


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


# Flags and keywords


@pytest.mark.parametrize(
    ("change", "result"),
    [
        (FlagChange.ADD, {SEEN, FLAGGED, JUNK}),
        (FlagChange.REMOVE, {SEEN}),
        (FlagChange.REPLACE, {FLAGGED, JUNK}),
    ],
)
def test_store_changes_flags(store: Store, change: FlagChange, result: set[Flag]) -> None:
    (appended,) = store.append(INBOX, [message(MAIL, SEEN, FLAGGED)], ALICE)
    mailbox = store.open(INBOX, ALICE)
    if change is FlagChange.ADD:
        mailbox.store([appended.uid], FlagChange.REPLACE, frozenset({SEEN}))
    answer = mailbox.store([appended.uid], change, frozenset({FLAGGED, JUNK}))
    assert [facts.flags for facts in answer.changed] == [result]
    assert flags_of(mailbox) == {appended.uid: result}


def test_keywords_compare_in_any_case_and_keep_their_spelling(store: Store) -> None:
    (uid,) = fill(store, 1)
    mailbox = store.open(INBOX, ALICE)
    mailbox.store([uid], FlagChange.ADD, frozenset({Flag("ToDo")}))
    mailbox.store([uid], FlagChange.ADD, frozenset({Flag("TODO"), Flag("\\SEEN")}))
    assert sorted(flags_of(mailbox)[uid]) == ["ToDo", "\\Seen"]


def test_recent_is_no_flag_to_store(store: Store) -> None:
    (uid,) = fill(store, 1)
    mailbox = store.open(INBOX, ALICE)
    mailbox.store([uid], FlagChange.REPLACE, frozenset({Flag("\\Recent"), SEEN}))
    assert flags_of(mailbox)[uid] == {SEEN}


def test_the_27th_keyword_is_refused(store: Store) -> None:
    (uid,) = fill(store, 1)
    mailbox = store.open(INBOX, ALICE)
    words = frozenset(Flag(f"word{n}") for n in range(26))
    assert mailbox.permanent_keywords
    mailbox.store([uid], FlagChange.ADD, words)
    assert not mailbox.permanent_keywords
    with pytest.raises(errors.TooManyKeywords):
        mailbox.store([uid], FlagChange.ADD, frozenset({Flag("word26")}))
    with pytest.raises(errors.TooManyKeywords):
        store.append(INBOX, [message(MAIL, Flag("word26"))], ALICE)
    mailbox.store([uid], FlagChange.ADD, frozenset({Flag("WORD3"), Flag("$Forwarded")}))
    assert flags_of(mailbox)[uid] == words | {Flag("$Forwarded")}


def test_removing_an_unknown_keyword_takes_no_room(store: Store) -> None:
    (uid,) = fill(store, 1)
    mailbox = store.open(INBOX, ALICE)
    mailbox.store([uid], FlagChange.REMOVE, frozenset(Flag(f"word{n}") for n in range(30)))
    assert mailbox.permanent_keywords


@pytest.mark.parametrize("word", ["", "a b", "a\nb", "a\x00", 'a"'])
def test_what_is_no_keyword_is_refused(store: Store, word: str) -> None:
    (uid,) = fill(store, 1)
    mailbox = store.open(INBOX, ALICE)
    with pytest.raises(errors.Permanent):
        mailbox.store([uid], FlagChange.ADD, frozenset({Flag(word)}))
    assert flags_of(mailbox)[uid] == frozenset()


def test_keywords_are_remembered(store: Store) -> None:
    (uid,) = fill(store, 1)
    mailbox = store.open(INBOX, ALICE)
    mailbox.store([uid], FlagChange.ADD, frozenset({JUNK}))
    mailbox.store([uid], FlagChange.REPLACE, frozenset())
    assert JUNK in mailbox.snapshot().keywords


# Mod-sequences (RFC 7162)


def test_every_change_has_a_higher_mod_seq(store: Store) -> None:
    uids = fill(store, 2)
    mailbox = store.open(INBOX, ALICE)
    before = mailbox.snapshot().highest_mod_seq
    mailbox.store([uids[0]], FlagChange.ADD, frozenset({SEEN}))
    first, second = mailbox.read_facts(uids)
    assert first.mod_seq > before >= second.mod_seq
    assert mailbox.snapshot().highest_mod_seq == first.mod_seq
    mailbox.store([uids[0]], FlagChange.ADD, frozenset({SEEN}))
    assert mailbox.snapshot().highest_mod_seq == first.mod_seq


def test_unchanged_since_keeps_back_what_changed(store: Store) -> None:
    uids = fill(store, 3)
    mailbox = store.open(INBOX, ALICE)
    seen = mailbox.snapshot().highest_mod_seq
    mailbox.store([uids[1]], FlagChange.ADD, frozenset({FLAGGED}))
    answer = mailbox.store(uids, FlagChange.ADD, frozenset({SEEN}), unchanged_since=seen)
    assert answer.modified == (uids[1],)
    assert [facts.uid for facts in answer.changed] == [uids[0], uids[2]]
    assert flags_of(mailbox)[uids[1]] == {FLAGGED}


def test_changed_since_tells_changes_and_what_vanished(store: Store) -> None:
    uids = fill(store, 4)
    mailbox = store.open(INBOX, ALICE)
    before = mailbox.snapshot().highest_mod_seq
    assert mailbox.read_changed_since(before) == ([], [])
    mailbox.store([uids[0]], FlagChange.ADD, frozenset({SEEN}))
    middle = mailbox.snapshot().highest_mod_seq
    mailbox.remove([uids[2]])
    changed, vanished = mailbox.read_changed_since(before)
    assert ([facts.uid for facts in changed], vanished) == ([uids[0]], [uids[2]])
    assert mailbox.read_changed_since(middle) == ([], [uids[2]])
    assert [facts.uid for facts in mailbox.read_changed_since(ModSeq(0))[0]] == [
        uids[0],
        uids[1],
        uids[3],
    ]


# Copy, move, expunge


def test_copy_keeps_flags_keywords_and_date(store: Store) -> None:
    store.create(name("Work"), ALICE)
    store.append(name("Work"), [message(MAIL, Flag("Other"))], ALICE)
    (appended,) = store.append(INBOX, [message(MAIL, SEEN, JUNK)], ALICE)
    inbox, work = store.open(INBOX, ALICE), store.open(name("Work"), ALICE)
    copied = inbox.copy([appended.uid, Uid(9999)], name("Work"))
    ((source, made),) = copied.pairs
    assert (source, copied.uid_validity) == (appended.uid, work.snapshot().uid_validity)
    (facts,) = work.read_facts([made])
    assert (facts.flags, facts.internal_date, facts.size) == ({SEEN, JUNK}, WHEN, len(MAIL))
    assert facts.email_id == inbox.read_facts([source])[0].email_id
    assert facts.thread_id == inbox.read_facts([source])[0].thread_id
    content = work.read_content(made)
    assert content is not None and read_all(content) == MAIL


def test_copy_into_the_same_mailbox(store: Store) -> None:
    uids = fill(store, 2)
    mailbox = store.open(INBOX, ALICE)
    copied = mailbox.copy(uids, INBOX)
    assert len(mailbox.snapshot().uids) == 4
    assert min(target for _, target in copied.pairs) > max(uids)


def test_copy_to_nowhere(store: Store) -> None:
    uids = fill(store, 1)
    mailbox = store.open(INBOX, ALICE)
    for act in (mailbox.copy, mailbox.move):
        with pytest.raises(errors.NoSuchMailbox):
            act(uids, name("Nowhere"))
    assert list(mailbox.snapshot().uids) == uids


def test_a_copy_whose_keywords_have_no_room_copies_nothing(store: Store) -> None:
    store.create(name("Full"), ALICE)
    words = frozenset(Flag(f"word{n}") for n in range(26))
    store.append(name("Full"), [message(MAIL, *words)], ALICE)
    uids = [a.uid for a in store.append(INBOX, [message(), message(MAIL, JUNK)], ALICE)]
    mailbox = store.open(INBOX, ALICE)
    for act in (mailbox.copy, mailbox.move):
        with pytest.raises(errors.TooManyKeywords):
            act(uids, name("Full"))
    assert list(mailbox.snapshot().uids) == uids
    assert store.status(name("Full"), ALICE).messages == 1


def test_move_takes_messages_away(store: Store) -> None:
    store.create(name("Work"), ALICE)
    (appended,) = store.append(INBOX, [message(MAIL, JUNK)], ALICE)
    mailbox = store.open(INBOX, ALICE)
    moved = mailbox.move([appended.uid], name("Work"))
    assert list(mailbox.snapshot().uids) == []
    work = store.open(name("Work"), ALICE)
    ((source, made),) = moved.pairs
    assert source == appended.uid and flags_of(work) == {made: {JUNK}}
    assert work.read_facts([made])[0].internal_date == WHEN
    content = work.read_content(made)
    assert content is not None and read_all(content) == MAIL
    assert work.read_cached([made], Wanted(header=True))[0].header == MAIL.partition(b"Soup")[0]


def test_move_within_a_mailbox_gives_new_uids(store: Store) -> None:
    uids = fill(store, 2)
    mailbox = store.open(INBOX, ALICE)
    moved = mailbox.move([uids[0]], INBOX)
    assert list(mailbox.snapshot().uids) == [uids[1], moved.pairs[0][1]]


def test_expunge_removes_what_is_deleted(store: Store) -> None:
    uids = fill(store, 4)
    mailbox = store.open(INBOX, ALICE)
    mailbox.store([uids[0], uids[2]], FlagChange.ADD, frozenset({DELETED}))
    assert mailbox.expunge([uids[0], uids[1], Uid(999999)]) == (uids[0],)
    assert list(mailbox.snapshot().uids) == uids[1:]
    assert mailbox.expunge() == (uids[2],)
    assert mailbox.expunge() == ()


def test_remove_needs_no_flag(store: Store) -> None:
    uids = fill(store, 3)
    mailbox = store.open(INBOX, ALICE)
    assert mailbox.remove([uids[1], Uid(99999)]) == (uids[1],)
    assert list(mailbox.snapshot().uids) == [uids[0], uids[2]]


def test_a_uid_is_never_given_twice(store: Store) -> None:
    uids = fill(store, 3)
    mailbox = store.open(INBOX, ALICE)
    mailbox.remove(uids)
    assert fill(store, 1)[0] > uids[-1]


def test_a_read_only_mailbox_changes_nothing(store: Store) -> None:
    store.create(name("Work"), ALICE)
    uids = fill(store, 1)
    mailbox = store.open(INBOX, ALICE, read_only=True)
    assert mailbox.read_only and mailbox.snapshot().recent == set(uids)
    assert store.status(INBOX, ALICE).recent == 1
    for change in (
        lambda: mailbox.store(uids, FlagChange.ADD, frozenset({SEEN})),
        lambda: mailbox.remove(uids),
        lambda: mailbox.expunge(),
        lambda: mailbox.move(uids, name("Work")),
        lambda: mailbox.append([message()]),
    ):
        with pytest.raises(errors.Refused):
            change()
    assert len(mailbox.copy(uids, name("Work")).pairs) == 1


# Watching


def test_all_sessions_hear_of_changes(store: Store) -> None:
    one, two = store.open(INBOX, ALICE), store.open(INBOX, ALICE)
    one.snapshot(), two.snapshot()
    to_one, to_two = heard(one), heard(two)
    (appended,) = store.append(INBOX, [message(MAIL, FLAGGED)], ALICE)
    uid = appended.uid
    one.store([uid], FlagChange.ADD, frozenset({DELETED}))
    two.expunge()
    assert to_one == to_two
    added, changed, gone = to_one
    assert isinstance(added, Added) and (added.uid, added.flags) == (uid, {FLAGGED})
    assert isinstance(changed, FlagsChanged) and changed.flags == {FLAGGED, DELETED}
    assert isinstance(gone, Expunged) and gone.uid == uid
    assert added.mod_seq < changed.mod_seq < gone.mod_seq


def test_a_closed_mailbox_hears_nothing(store: Store) -> None:
    mailbox = store.open(INBOX, ALICE)
    changes = heard(mailbox)
    mailbox.close()
    fill(store, 1)
    assert changes == []


def test_recent_messages_are_claimed_by_one_session(store: Store) -> None:
    uids = fill(store, 2)
    assert store.status(INBOX, ALICE).recent == 2
    one = store.open(INBOX, ALICE)
    assert one.snapshot().recent == set(uids)
    two = store.open(INBOX, ALICE)
    assert two.snapshot().recent == frozenset()
    (later,) = fill(store, 1)
    assert sorted((*one.recent, *two.recent)) == [*uids, later]
    assert store.status(INBOX, ALICE).recent == 0


# The tree of mailboxes


@pytest.mark.parametrize(
    "text",
    [
        "Work",
        "Werk & Co",
        "Büro/Ablage",
        "日本語",
        "a.b",
        "INBOX/Sub",
        ".hidden",
        "~x",
        "*",
        "&",
        "a" * 240,
    ],
)
def test_names_of_many_kinds(store: Store, text: str) -> None:
    made = store.create(name(text), ALICE)
    mailbox = store.open(name(text), ALICE)
    assert mailbox.mailbox_id == made and mailbox.ref.name == name(text)
    assert name(text) in [info.name for info in store.mailboxes()]
    assert len(fill(store, 1, name(text))) == 1


@pytest.mark.parametrize(
    "parts", [("a/b",), ("x", "a/b.c"), ("INBOX", "inbox"), ("Inboxes",), ("&AC8-",)]
)
def test_delimiters_inside_a_part(store: Store, parts: tuple[str, ...]) -> None:
    store.create(MailboxName(parts), ALICE)
    assert MailboxName(parts) in [info.name for info in store.mailboxes() if info.exists]


@pytest.mark.parametrize(
    "parts",
    [("a" * 255,), ("a" * 200, "b" * 200), ("",), ("a", ""), (".",), ("a", ".."), ("a\nb",),
     ("\0",), ("inbox",), ("\ud800",)],
)  # fmt: skip
def test_names_that_cannot_be(store: Store, parts: tuple[str, ...]) -> None:
    with pytest.raises(errors.BadMailboxName):
        store.create(MailboxName(parts), ALICE)
    with pytest.raises(errors.MailError):
        store.open(MailboxName(parts), ALICE)
    store.create(name("Work"), ALICE)
    with pytest.raises(errors.BadMailboxName):
        store.rename(name("Work"), MailboxName(parts), ALICE)
    assert [str(info.name) for info in store.mailboxes()] == ["INBOX", "Work"]


def test_inbox_is_known_in_any_case(store: Store) -> None:
    fill(store, 1)
    assert store.status(name("inBox"), ALICE).messages == 1
    with pytest.raises(errors.MailboxExists):
        store.create(name("iNBOX"), ALICE)


def test_create_makes_what_lacks_above(store: Store) -> None:
    made = store.create(name("a/b/c"), ALICE, frozenset({"\\Archive"}))
    infos = {str(info.name): info for info in store.mailboxes()}
    assert list(infos) == ["INBOX", "a", "a/b", "a/b/c"]
    assert all(info.exists for info in infos.values())
    assert infos["a/b"].has_children and not infos["a/b/c"].has_children
    assert infos["a/b/c"].special_use == {"\\Archive"} and not infos["a"].special_use
    assert store.status(name("a/b/c"), ALICE).mailbox_id == made
    with pytest.raises(errors.MailboxExists):
        store.create(name("a/b"), ALICE)


def test_mailboxes_have_ids_and_validities_of_their_own(store: Store) -> None:
    ids = {store.create(name(text), ALICE) for text in "abc"}
    validities = {store.status(name(text), ALICE).uid_validity for text in "abc"}
    assert len(ids) == len(validities) == 3


def test_delete_leaves_children(store: Store) -> None:
    store.create(name("a/b"), ALICE)
    store.delete(name("a"), ALICE)
    infos = {str(info.name): info.exists for info in store.mailboxes()}
    assert infos == {"INBOX": True, "a": False, "a/b": True}
    for missing in ("a", "c"):
        with pytest.raises(errors.NoSuchMailbox):
            store.open(name(missing), ALICE)
        with pytest.raises(errors.NoSuchMailbox):
            store.delete(name(missing), ALICE)
    with pytest.raises(errors.Permanent):
        store.delete(INBOX, ALICE)


def test_a_mailbox_made_again_is_another_one(store: Store) -> None:
    first = store.create(name("a"), ALICE)
    before = store.status(name("a"), ALICE)
    fill(store, 2, name("a"))
    store.delete(name("a"), ALICE)
    assert store.create(name("a"), ALICE) != first
    after = store.status(name("a"), ALICE)
    assert after.messages == 0 and after.uid_validity > before.uid_validity


def test_sessions_in_a_deleted_mailbox_see_it_empty(store: Store) -> None:
    store.create(name("a"), ALICE)
    uids = fill(store, 2, name("a"))
    mailbox = store.open(name("a"), ALICE)
    mailbox.snapshot()
    changes = heard(mailbox)
    store.delete(name("a"), ALICE)
    assert [change.uid for change in changes if isinstance(change, Expunged)] == uids
    assert list(mailbox.snapshot().uids) == [] and mailbox.read_facts(uids) == []
    with pytest.raises(errors.NoSuchMailbox):
        mailbox.append([message()])


def test_rename_takes_children_along(store: Store) -> None:
    made = store.create(name("a/b/c"), ALICE)
    uids = fill(store, 2, name("a/b/c"))
    before = store.status(name("a/b/c"), ALICE)
    mailbox = store.open(name("a/b/c"), ALICE)
    store.rename(name("a"), name("x/y"), ALICE)
    names = [str(info.name) for info in store.mailboxes() if info.exists]
    assert names == ["INBOX", "x", "x/y", "x/y/b", "x/y/b/c"]
    after = store.status(name("x/y/b/c"), ALICE)
    assert (after.mailbox_id, after.uid_validity) == (made, before.uid_validity)
    assert str(mailbox.ref.name) == "x/y/b/c"
    assert list(mailbox.snapshot().uids) == uids
    content = mailbox.read_content(uids[0])
    assert content is not None and read_all(content) == MAIL


def test_rename_of_a_parent_that_only_holds_children(store: Store) -> None:
    store.create(name("a/b"), ALICE)
    store.delete(name("a"), ALICE)
    store.rename(name("a"), name("z"), ALICE)
    assert {str(i.name): i.exists for i in store.mailboxes()} == {
        "INBOX": True,
        "z": False,
        "z/b": True,
    }


def test_rename_of_inbox_moves_its_messages(store: Store) -> None:
    store.create(name("INBOX/Sub"), ALICE)
    (appended,) = store.append(INBOX, [message(MAIL, JUNK)], ALICE)
    before = store.status(INBOX, ALICE)
    store.rename(INBOX, name("Old/2024"), ALICE)
    old = store.open(name("Old/2024"), ALICE)
    assert [facts.flags for facts in old.read_facts(old.snapshot().uids)] == [{JUNK}]
    after = store.status(INBOX, ALICE)
    assert (after.messages, after.mailbox_id) == (0, before.mailbox_id)
    assert after.uid_next > appended.uid
    assert old.mailbox_id != before.mailbox_id
    assert name("INBOX/Sub") in [info.name for info in store.mailboxes()]


def test_rename_that_cannot_be(store: Store) -> None:
    store.create(name("a/b"), ALICE)
    store.create(name("c"), ALICE)
    with pytest.raises(errors.NoSuchMailbox):
        store.rename(name("nowhere"), name("z"), ALICE)
    for target in ("c", "INBOX", "a"):
        with pytest.raises(errors.MailboxExists):
            store.rename(name("a"), name(target), ALICE)
    with pytest.raises(errors.Permanent):
        store.rename(name("a"), name("a/b/c"), ALICE)
    assert [str(info.name) for info in store.mailboxes()] == ["INBOX", "a", "a/b", "c"]


def test_subscriptions_need_no_mailbox(store: Store) -> None:
    store.create(name("Büro"), ALICE)
    for text in ("Nowhere", "Büro", "Büro", "x.y"):
        store.subscribe(name(text), ALICE)
    assert [str(n) for n in store.subscriptions()] == ["Büro", "Nowhere", "x.y"]
    assert [i.subscribed for i in store.mailboxes()] == [True, False]
    store.unsubscribe(name("Nowhere"), ALICE)
    store.unsubscribe(name("Nowhere"), ALICE)
    store.delete(name("Büro"), ALICE)
    assert [str(n) for n in store.subscriptions()] == ["Büro", "x.y"]


def test_status_counts(store: Store) -> None:
    flags = ((SEEN,), (DELETED, SEEN), ())
    uids = [a.uid for a in store.append(INBOX, [message(MAIL, *f) for f in flags], ALICE)]
    status = store.status(INBOX, ALICE)
    assert (status.messages, status.unseen, status.deleted, status.recent) == (3, 1, 1, 3)
    assert status.size == 3 * len(MAIL)
    snapshot = store.open(INBOX, ALICE).snapshot()
    assert status.uid_next == snapshot.uid_next == uids[-1] + 1
    assert status.highest_mod_seq == snapshot.highest_mod_seq
    assert status.uid_validity == snapshot.uid_validity


# Quota


def test_quota_counts_all_mailboxes(store: Store) -> None:
    store.create(name("a"), ALICE)
    uids = fill(store, 2)
    fill(store, 1, name("a"))
    quota = store.quota()
    assert (quota.octets_used, quota.messages_used) == (3 * len(MAIL), 3)
    assert (quota.octets_limit, quota.messages_limit) == (0, 0)
    mailbox = store.open(INBOX, ALICE)
    mailbox.remove(uids[:1])
    mailbox.move(uids[1:], name("a"))
    assert store.quota().messages_used == 2
    store.delete(name("a"), ALICE)
    assert (store.quota().octets_used, store.quota().messages_used) == (0, 0)


def test_a_full_account_takes_no_more(small_store: Store) -> None:
    """``small_store`` has room for three times MAIL."""
    uids = fill(small_store, 3)
    mailbox = small_store.open(INBOX, ALICE)
    small_store.create(name("a"), ALICE)
    with pytest.raises(errors.OverQuota):
        fill(small_store, 1)
    with pytest.raises(errors.OverQuota):
        mailbox.copy(uids, name("a"))
    mailbox.move(uids, name("a"))
    small_store.open(name("a"), ALICE).remove([Uid(1)])
    fill(small_store, 1)
    with pytest.raises(errors.OverQuota):
        fill(small_store, 2)


# Search

SEARCHED = (
    message(MAIL, SEEN, JUNK),
    message(
        b"From: bob@example.org\r\nsubject: =?iso-8859-1?q?caf=E9?=\r\n =?utf-8?b?IG5vaXI=?=\r\n"
        b"Date: Sat, 18 May 2024 01:00:00 +0900\r\nReferences: <one@example.org> <x@y>\r\n"
        b"MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
        b"--b\r\nContent-Type: text/plain; charset=iso-8859-1\r\n"
        b"Content-Transfer-Encoding: quoted-printable\r\n\r\nGr=FC=DFe aus =\r\nBremen\r\n"
        b"--b\r\nContent-Type: text/html\r\nContent-Transfer-Encoding: base64\r\n\r\n"
        b"PGI+c2VjcmV0PC9iPg==\r\n--b--\r\n",
        FLAGGED,
        at=datetime(2024, 5, 20, 23, 59, 0, tzinfo=UTC),
    ),
    message(b"X-Empty:\r\n\r\n" + b"x" * 3000 + b"\r\n", at=datetime(1998, 1, 2, tzinfo=UTC)),
)
DAY = date(2024, 5, 17)


@pytest.mark.parametrize(
    ("key", "found"),
    [
        (keys.All(), [1, 2, 3]),
        (keys.UidIn(((2, 9),)), [2, 3]),
        (keys.UidIn(((3, 3), (1, 1))), [1, 3]),
        (keys.UidIn(((2, 3), (1, 2), (9, 9))), [1, 2, 3]),
        (keys.Not(keys.UidIn(())), [1, 2, 3]),
        (keys.HasFlag(SEEN), [1]),
        (keys.HasFlag(Flag("$JUNK")), [1]),
        (keys.Not(keys.HasFlag(SEEN)), [2, 3]),
        (keys.And((keys.TextHas("o"), keys.HasFlag(FLAGGED))), [2]),
        (keys.And(()), [1, 2, 3]),
        (keys.Or(keys.HasFlag(SEEN), keys.HasFlag(FLAGGED)), [1, 2]),
        (keys.HeaderHas("from", "JÜRGEN"), [1]),
        (keys.HeaderHas("subject", "Café noir"), [2]),
        (keys.HeaderHas("x-empty", ""), [3]),
        (keys.HeaderHas("x-nothing", ""), []),
        (keys.HeaderHas("message-id", "<one@example.org>"), [1]),
        (keys.BodyHas("soup AT"), [1]),
        (keys.BodyHas("Lunch"), []),
        (keys.BodyHas("grüße aus bremen"), [2]),
        (keys.BodyHas("secret"), [2]),
        (keys.TextHas("lunch"), [1]),
        (keys.TextHas("xxx"), [3]),
        (keys.Larger(2000), [3]),
        (keys.Smaller(len(MAIL) + 1), [1]),
        (keys.InternalDate(keys.When.ON, DAY), [1]),
        (keys.InternalDate(keys.When.BEFORE, DAY), [3]),
        (keys.InternalDate(keys.When.SINCE, DAY), [1, 2]),
        (keys.SentDate(keys.When.ON, DAY), [1]),
        (keys.SentDate(keys.When.SINCE, date(2024, 5, 18)), [2]),
        (keys.SaveDate(keys.When.SINCE, date(2024, 6, 1)), [1, 2, 3]),
        (keys.SaveDate(keys.When.BEFORE, date(2024, 6, 1)), []),
        (keys.Older(3600), [1, 2, 3]),
        (keys.Younger(3600), []),
        (keys.ModSeqSince(10**9), []),
        (keys.ModSeqSince(0), [1, 2, 3]),
        (keys.Recent(), [1, 2, 3]),
        (keys.EmailIdIs("e0"), []),
    ],
)
def test_search(store: Store, key: keys.SearchKey, found: list[int]) -> None:
    uids = [appended.uid for appended in store.append(INBOX, SEARCHED, ALICE)]
    mailbox = store.open(INBOX, ALICE)
    mailbox.snapshot()
    assert [uids.index(uid) + 1 for uid in mailbox.read_search(key)] == found


def test_threads_are_named_by_their_root(store: Store) -> None:
    store.append(INBOX, SEARCHED, ALICE)
    mailbox = store.open(INBOX, ALICE)
    first, second, third = mailbox.read_facts(mailbox.snapshot().uids)
    assert first.thread_id == second.thread_id != third.thread_id
    assert first.thread_id is not None
    assert mailbox.read_search(keys.ThreadIdIs(first.thread_id)) == [first.uid, second.uid]
    assert mailbox.read_search(keys.EmailIdIs(third.email_id)) == [third.uid]


def test_wire_forms_are_cached(store: Store) -> None:
    store.append(INBOX, SEARCHED, ALICE)
    mailbox = store.open(INBOX, ALICE)
    first, second, third = mailbox.read_cached(
        mailbox.snapshot().uids, Wanted(envelope=True, body_structure=True)
    )
    assert b'"Lunch"' in first.envelope and b"<one@example.org>" in first.envelope
    assert first.body_structure.lower().startswith(b'("text" "plain"')
    assert b'"mixed"' in second.body_structure.lower()
    assert third.envelope.startswith(b"(NIL NIL") and third.header == b""


# What was removed


def removed_ids(store: Store) -> list[str]:
    return [removed.id for removed in store.removed()]


def test_expunged_messages_can_be_brought_back(store: Store) -> None:
    store.append(INBOX, [message(MAIL, DELETED, SEEN, JUNK), message(MAIL)], ALICE)
    mailbox = store.open(INBOX, ALICE)
    (before,) = mailbox.read_facts([Uid(1)])
    mailbox.expunge()
    (removed,) = store.removed()
    assert (removed.mailbox, removed.internal_date) == (INBOX, WHEN)
    assert removed.flags == {DELETED, SEEN, JUNK}
    changes = heard(mailbox)
    assert store.restore([removed.id], ALICE) == {removed.id: INBOX}
    assert [type(change) for change in changes] == [Added]
    (after,) = mailbox.read_facts([Uid(3)])
    assert after.flags == {SEEN, JUNK}
    assert (after.internal_date, after.save_date) == (before.internal_date, before.save_date)
    assert (after.email_id, after.thread_id) == (before.email_id, before.thread_id)
    content = mailbox.read_content(Uid(3))
    assert content and read_all(content) == MAIL
    assert store.removed() == []


def test_what_a_deleted_mailbox_held_can_be_brought_back(store: Store) -> None:
    store.create(name("Work/Deep"), ALICE)
    fill(store, 2, name("Work/Deep"))
    store.delete(name("Work/Deep"), ALICE)
    ids = removed_ids(store)
    assert set(store.restore(ids, ALICE).values()) == {name("Work/Deep")}
    assert store.status(name("Work/Deep"), ALICE).messages == 2


def test_messages_come_back_into_a_renamed_mailbox(store: Store) -> None:
    store.create(name("Work"), ALICE)
    mailbox = store.open(name("Work"), ALICE)
    mailbox.remove(fill(store, 1, name("Work")))
    store.rename(name("Work"), name("Play"), ALICE)
    assert set(store.restore(removed_ids(store), ALICE).values()) == {name("Play")}


def test_restoring_what_is_not_there_does_nothing(store: Store) -> None:
    assert store.restore(["nothing"], ALICE) == {}
    assert store.removed() == []


def test_what_was_removed_counts_for_no_quota(store: Store) -> None:
    store.open(INBOX, ALICE).remove(fill(store, 2))
    assert store.quota().messages_used == 0
    store.limit(0, 1)
    with pytest.raises(errors.OverQuota):
        store.restore(removed_ids(store), ALICE)


def test_sizes_are_those_of_the_facts(store: Store):
    mailbox = store.open(INBOX, ALICE)
    messages = [NewMessage(MemoryContent(MAIL)), NewMessage(MemoryContent(MAIL + b"x\r\n"))]
    first, second = (one.uid for one in mailbox.append(messages))
    mailbox.store([second], FlagChange.ADD, frozenset({SEEN}))
    wanted = [first, second, Uid(second + 1)]
    assert mailbox.read_sizes(wanted) == [
        (first, len(MAIL), False),
        (second, len(MAIL) + 3, True),
    ]
