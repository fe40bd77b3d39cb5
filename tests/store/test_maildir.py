# SPDX-License-Identifier: MIT
"""What is on disk, what other programs do there, and what is lost and found again."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from mailbox import Maildir
from pathlib import Path

import pytest

from homemail.config.mailbox import MailboxSettings
from homemail.errors import LockTimeout, NoSuchMailbox, Temporary
from homemail.model.mailbox import (
    DELETED,
    FLAGGED,
    INBOX,
    SEEN,
    Added,
    Expunged,
    Flag,
    FlagChange,
    FlagsChanged,
    ModSeq,
    Uid,
)
from homemail.model.message import read_all
from homemail.store import changes
from homemail.store.api import Mailbox, Store, Wanted
from homemail.store.index import Index, IndexTrouble
from homemail.store.maildir import MaildirStore, open_store
from tests.store.conformance import ALICE, JUNK, MAIL, WHEN, fill, flags_of, heard, message, name

LF = MAIL.replace(b"\r\n", b"\n")
Open = Callable[..., MaildirStore]


@pytest.fixture
def reopen(tmp_path: Path) -> Iterator[Open]:
    """Open alice's mailboxes; what was open before is closed, or (``crash``) just dropped."""
    opened: list[MaildirStore] = []

    def reopen(*, crash: bool = False, **options: bool) -> MaildirStore:
        for old in opened:
            drop(old) if crash else old.close()
        opened[:] = [open_store(ALICE.account, tmp_path, MailboxSettings(), **options)]
        return opened[0]

    yield reopen
    for store in opened:
        store.close()


def drop(store: MaildirStore) -> None:
    """Do what the end of the process does: give up the lock."""
    store._lock.close()
    store._around.watch.close()


@pytest.fixture
def maildir(tmp_path: Path) -> Path:
    return tmp_path / "Maildir"


def files(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


def drop_in(maildir: Path, path: str, octets: bytes = LF, seconds: int = 0) -> None:
    """Deliver as another program does."""
    temporary = maildir / "tmp" / "foreign"
    temporary.write_bytes(octets)
    if seconds:
        os.utime(temporary, (seconds, seconds))
    temporary.rename(maildir / path)


def everything(store: Store) -> dict[str, list[tuple[object, ...]]]:
    """Return what must survive the loss of the index."""
    found = {}
    for info in store.mailboxes():
        mailbox = store.open(info.name, ALICE, read_only=True)
        snapshot = mailbox.snapshot()
        rows: list[tuple[object, ...]] = [
            (
                f.uid, sorted(f.flags), f.size, f.internal_date, f.save_date, f.email_id,
                f.thread_id, read_all(content) if (content := mailbox.read_content(f.uid)) else 0,
            )
            for f in mailbox.read_facts(snapshot.uids)
        ]  # fmt: skip
        rows += [(mailbox.mailbox_id, snapshot.uid_validity, sorted(info.special_use))]
        rows += [(info.subscribed, sorted(snapshot.keywords))]
        parts = mailbox.read_cached(snapshot.uids, Wanted(True, True, True))
        rows += [(p.envelope, p.body_structure, p.header) for p in parts]
        found[str(info.name)] = rows
        mailbox.close()
    return found


def a_full_house(store: MaildirStore, maildir: Path) -> None:
    """Make mailboxes with our own messages and those of others, flags, keywords and gaps."""
    store.create(name("Büro/Ablage"), ALICE, frozenset({"\\Archive"}))
    store.subscribe(name("Büro"), ALICE)
    uids = [a.uid for a in store.append(INBOX, [message(), message(MAIL, SEEN, JUNK)], ALICE)]
    drop_in(maildir, "new/1700000000.1_2.elsewhere", b"Subject: x\r\n\r\na\0b\n", 1_700_000_000)
    drop_in(maildir, "cur/1700000001.1_2.elsewhere,S=9:2,FS", seconds=1_700_000_001)
    inbox = store.open(INBOX, ALICE)
    inbox.snapshot()
    inbox.copy(uids, name("Büro/Ablage"))
    inbox.move(fill(store, 1), name("Büro"))
    inbox.store(uids[:1], FlagChange.ADD, frozenset({Flag("ToDo"), FLAGGED}))
    inbox.remove(fill(store, 1))
    inbox.close()


# Names and files


def test_a_message_on_disk(reopen: Open, maildir: Path) -> None:
    (uid,) = fill(reopen(), 1)
    (file,) = (maildir / "new").iterdir()
    assert file.read_bytes() == LF
    assert file.stat().st_mtime == WHEN.timestamp()
    assert file.stat().st_mode & 0o777 == 0o600
    mailbox_id = reopen().status(INBOX, ALICE).mailbox_id
    assert f",S={len(LF)},W={len(MAIL)},I={mailbox_id}.{uid}" in file.name
    assert maildir.stat().st_mode & 0o777 == 0o700
    assert files(maildir / "tmp") == []


def test_new_messages_move_to_cur_when_a_session_has_seen_them(reopen: Open, maildir: Path) -> None:
    store = reopen()
    fill(store, 2)
    store.open(INBOX, ALICE, read_only=True).snapshot()
    assert len(files(maildir / "new")) == 2
    store.open(INBOX, ALICE).snapshot()
    assert files(maildir / "new") == []
    assert [file.partition(":")[2] for file in files(maildir / "cur")] == ["2,", "2,"]


def test_flags_and_keywords_are_letters(reopen: Open, maildir: Path) -> None:
    reopen().append(INBOX, [message(MAIL, SEEN, DELETED, Flag("$Forwarded"), JUNK)], ALICE)
    (file,) = files(maildir / "cur")
    assert file.endswith(":2,PSTa")
    assert "keyword a $Junk" in (maildir / "homemail-state").read_text()


def test_mailboxes_are_directories(reopen: Open, maildir: Path) -> None:
    store = reopen()
    store.create(name("Büro/a.b"), ALICE)
    assert (maildir / ".B&APw-ro.a&AC4-b" / "maildirfolder").is_file()
    assert files(maildir / ".B&APw-ro") == [
        "cur", "homemail-state", "maildirfolder", "new", "tmp",
    ]  # fmt: skip


@pytest.mark.slow
def test_a_large_message_comes_back_whole(reopen: Open) -> None:
    octets = b"A: b\r\n\r\n" + b"".join(b"%d\r\n" % n for n in range(400_000))
    store = reopen()
    (appended,) = store.append(INBOX, [message(octets)], ALICE)
    mailbox = store.open(INBOX, ALICE)
    content = mailbox.read_content(appended.uid)
    mailbox.remove([appended.uid])
    assert content is not None and content.size == len(octets)
    assert read_all(content) == octets == read_all(content)


def test_only_one_process_at_a_time(reopen: Open, tmp_path: Path) -> None:
    reopen()
    with pytest.raises(LockTimeout):
        open_store(ALICE.account, tmp_path, MailboxSettings())


def test_a_missing_home_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(Temporary):
        open_store(ALICE.account, tmp_path / "unmounted", MailboxSettings())
    assert not (tmp_path / "unmounted").exists()


def test_what_crashes_left_in_tmp_goes_after_a_while(reopen: Open, maildir: Path) -> None:
    reopen()
    (maildir / "tmp/old").write_bytes(b"x")
    os.utime(maildir / "tmp/old", (1, 1))
    (maildir / "tmp/young").write_bytes(b"x")
    reopen().open(INBOX, ALICE)
    assert files(maildir / "tmp") == ["young"]


# What is expunged


def test_expunged_messages_are_kept_aside(reopen: Open, tmp_path: Path) -> None:
    store = reopen()
    (appended,) = store.append(INBOX, [message(MAIL, DELETED, JUNK)], ALICE)
    store.open(INBOX, ALICE).expunge()
    directory = tmp_path / ".homemail/deleted"
    (records,) = directory.glob("*/records")
    first, line = records.read_text().splitlines()
    record = json.loads(line)
    assert first == "homemail-deleted 1"
    assert (directory / record["file"]).read_bytes() == LF
    assert (record["mailbox"], record["uid"]) == ("INBOX", appended.uid)
    assert record["flags"] == ["$Junk", "\\Deleted"]
    assert record["internal_date"] == WHEN.timestamp()


def test_the_messages_of_a_deleted_mailbox_are_kept_aside(reopen: Open, tmp_path: Path) -> None:
    store = reopen()
    store.create(name("a"), ALICE)
    fill(store, 2, name("a"))
    store.delete(name("a"), ALICE)
    assert len(list((tmp_path / ".homemail/deleted").glob("*/*"))) == 3
    assert not (tmp_path / "Maildir/.a").exists()


class Clock:
    """A time that tests set."""

    def __init__(self) -> None:
        self.now = 1_700_000_000.0

    def __call__(self) -> float:
        return self.now


DAY = 86400


def store_of(home: Path, clock: Clock, undelete_for: float) -> MaildirStore:
    return open_store(ALICE.account, home, MailboxSettings(undelete_for=undelete_for), now=clock)


def test_what_was_deleted_is_cleared_in_time(tmp_path: Path) -> None:
    clock = Clock()
    store = store_of(tmp_path, clock, 7 * DAY)
    uids = fill(store, 5)
    store.open(INBOX, ALICE).remove(uids[:3])
    clock.now += DAY
    store.open(INBOX, ALICE).remove(uids[3:])
    clock.now += 6 * DAY
    assert not store.tidy() and len(store.removed()) == 5
    clock.now += DAY
    assert not store.tidy() and len(store.removed()) == 2
    clock.now += DAY
    assert not store.tidy() and store.removed() == []
    assert files(tmp_path / ".homemail/deleted") == []


def test_what_was_deleted_is_cleared_in_slices(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("homemail.store.maildir.CLEARED_AT_ONCE", 2)
    clock = Clock()
    store = store_of(tmp_path, clock, DAY)
    store.open(INBOX, ALICE).remove(fill(store, 5))
    clock.now += 3 * DAY
    assert [store.tidy() for _ in range(3)] == [True, True, False]
    assert store.removed() == []


def test_a_clock_that_goes_back_clears_nothing(tmp_path: Path) -> None:
    clock = Clock()
    store = store_of(tmp_path, clock, DAY)
    store.open(INBOX, ALICE).remove(fill(store, 1))
    clock.now = 0.0
    assert not store.tidy()
    assert len(store.removed()) == 1


def test_nothing_is_kept_when_undelete_is_off(tmp_path: Path) -> None:
    clock = Clock()
    store = store_of(tmp_path, clock, DAY)
    store.open(INBOX, ALICE).remove(fill(store, 1))
    store.close()
    store = store_of(tmp_path, clock, 0)
    store.open(INBOX, ALICE).remove(fill(store, 1))
    assert len(store.removed()) == 1
    assert not store.tidy() and store.removed() == []
    assert files(tmp_path / ".homemail/deleted") == []


def test_damaged_records_hide_no_others(reopen: Open, tmp_path: Path) -> None:
    store = reopen()
    mailbox = store.open(INBOX, ALICE)
    uids = fill(store, 2)
    mailbox.remove(uids[:1])
    (records,) = (tmp_path / ".homemail/deleted").glob("*/records")
    with records.open("ab") as file:
        file.write(b'{"file": 3}\n[1]\n{"file": "../../Maildir/x"\n\xff\n{"fi\n')
    mailbox.remove(uids[1:])
    assert len(store.removed()) == 2


# Opening again


def test_everything_is_there_after_a_restart(reopen: Open, maildir: Path) -> None:
    store = reopen()
    a_full_house(store, maildir)
    before = everything(store)
    status = store.status(INBOX, ALICE)
    store = reopen()
    assert everything(store) == before
    assert store.status(INBOX, ALICE) == status


@pytest.mark.slow
@pytest.mark.parametrize("crash", [False, True])
def test_a_lost_index_is_made_again(
    reopen: Open, maildir: Path, tmp_path: Path, crash: bool
) -> None:
    store = reopen()
    a_full_house(store, maildir)
    before, status = everything(store), store.status(INBOX, ALICE)
    drop(store) if crash else store.close()
    for file in (tmp_path / ".homemail").glob("index.sqlite*"):
        file.unlink()
    store = reopen(crash=True)
    assert everything(store) == before
    assert store.status(INBOX, ALICE).highest_mod_seq > status.highest_mod_seq
    mailbox = store.open(INBOX, ALICE)
    changed, vanished = mailbox.read_changed_since(status.highest_mod_seq)
    assert len(changed) == status.messages
    here = set(mailbox.snapshot().uids)
    assert {*vanished, *here} >= set(range(1, status.uid_next))


@pytest.mark.slow
@pytest.mark.parametrize(
    "spoil",
    [
        lambda data: b"rubbish" * 5000,
        lambda data: data[: len(data) // 2],
        lambda data: data[:100] + bytes(len(data) - 100),
        lambda data: data[:5000] + os.urandom(8000) + data[13000:],
        lambda data: b"",
    ],
)
def test_a_damaged_index_is_made_again(
    reopen: Open, maildir: Path, tmp_path: Path, spoil: Callable[[bytes], bytes]
) -> None:
    store = reopen()
    a_full_house(store, maildir)
    before = everything(store)
    store.close()
    index = tmp_path / ".homemail/index.sqlite"
    index.write_bytes(spoil(index.read_bytes()))
    store = reopen(crash=True)
    assert everything(store) == before
    fill(store, 1)
    assert len(everything(reopen())["INBOX"]) == len(before["INBOX"]) + 2


@pytest.mark.parametrize(
    "spoil",
    [
        lambda index: index._writer.execute("DROP TABLE message"),
        lambda index: index._writer.close(),
        lambda index: index._reader.close(),
        lambda index: index.path.write_bytes(b"rubbish" * 5000),
        lambda index: (index._writer.close(), index.path.unlink(), index.path.mkdir()),
    ],
)
def test_an_index_that_fails_at_work_stops_nothing(
    reopen: Open, tmp_path: Path, spoil: Callable[[Index], object]
) -> None:
    store = reopen()
    uids = fill(store, 3)
    spoil(store._around.index)
    uids += fill(store, 1)
    mailbox = store.open(INBOX, ALICE)
    mailbox.store(uids[:2], FlagChange.ADD, frozenset({SEEN}))
    mailbox.remove(uids[1:2])
    assert list(mailbox.snapshot().uids) == [uids[0], uids[2], uids[3]]
    before = everything(store)
    store.close()
    if store._around.index.path.is_dir():
        store._around.index.path.rmdir()
    assert everything(reopen(crash=True)) == before


def test_a_locked_index_is_left_alone(
    reopen: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(reopen(), 1)
    reopen().close()
    monkeypatch.setattr("homemail.store.index._BUSY_SECONDS", 0.0)
    path = tmp_path / ".homemail/index.sqlite"
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("PRAGMA journal_mode = DELETE")
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(Temporary):
            reopen(crash=True)
        other.execute("ROLLBACK")
    assert reopen(crash=True).status(INBOX, ALICE).messages == 1
    assert list((tmp_path / ".homemail").glob("*damaged*")) == []


def test_a_trusted_index_that_cannot_be_read_hides_nothing(
    reopen: Open, maildir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = reopen()
    uids = fill(store, 2)
    store.close()
    for sub in ("new", "cur"):
        os.utime(maildir / sub, (1_600_000_000, 1_600_000_000))
    reopen(crash=True).open(INBOX, ALICE, read_only=True)
    store = reopen()

    def fail(self: object, number: int) -> None:
        raise IndexTrouble

    monkeypatch.setattr(Index, "rows", fail)
    assert list(store.open(INBOX, ALICE, read_only=True).snapshot().uids) == uids


def test_uids_go_on_after_a_crash(reopen: Open) -> None:
    store = reopen()
    uids = fill(store, 3)
    mailbox = store.open(INBOX, ALICE)
    mailbox.remove(uids[2:])
    before = mailbox.snapshot()
    store = reopen(crash=True)
    after = store.open(INBOX, ALICE).snapshot()
    assert list(after.uids) == uids[:2]
    assert after.uid_next >= before.uid_next
    assert after.highest_mod_seq >= before.highest_mod_seq
    assert fill(store, 1)[0] > uids[2]


def test_what_a_session_saw_is_not_recent_after_a_restart(reopen: Open) -> None:
    store = reopen()
    fill(store, 1)
    mailbox = store.open(INBOX, ALICE)
    mailbox.snapshot()
    fill(store, 1)
    assert len(mailbox.recent) == 2
    assert reopen().status(INBOX, ALICE).recent == 0


def test_uids_have_no_gap_after_an_ordinary_end(reopen: Open) -> None:
    assert [fill(reopen(), 1)[0] for _ in range(3)] == [1, 2, 3]


# The state file


def test_a_lost_state_keeps_uids_under_a_new_validity(reopen: Open, maildir: Path) -> None:
    store = reopen()
    uids = fill(store, 3)
    before = store.status(INBOX, ALICE)
    store.close()
    (maildir / "homemail-state").unlink()
    after = reopen(crash=True).status(INBOX, ALICE)
    assert after.uid_validity > before.uid_validity
    assert after.mailbox_id == before.mailbox_id
    assert list(reopen().open(INBOX, ALICE).snapshot().uids) == uids


def test_a_state_from_a_backup_gives_a_new_validity(reopen: Open, maildir: Path) -> None:
    store = reopen()
    fill(store, 2)
    store.close()
    old = (maildir / "homemail-state").read_bytes()
    store = reopen(crash=True)
    uids = [*range(1, 3), *fill(store, 3)]
    before = store.status(INBOX, ALICE)
    store.close()
    (maildir / "homemail-state").write_bytes(old)
    store = reopen(crash=True)
    assert store.status(INBOX, ALICE).uid_validity > before.uid_validity
    assert list(store.open(INBOX, ALICE).snapshot().uids) == uids
    assert fill(store, 1)[0] > uids[-1]


@pytest.mark.parametrize("cut", [1, 5, 20])
def test_a_torn_line_of_the_state_is_cut_off(reopen: Open, maildir: Path, cut: int) -> None:
    store = reopen()
    store.append(INBOX, [message(MAIL, JUNK)], ALICE)
    drop(store)
    state = maildir / "homemail-state"
    whole = state.read_bytes()
    state.write_bytes(whole + b"keyword b Other-and-more"[:cut])
    store = reopen(crash=True)
    assert list(flags_of(store.open(INBOX, ALICE)).values()) == [{JUNK}]
    store.append(INBOX, [message(MAIL, Flag("Third"))], ALICE)
    store = reopen()
    assert [sorted(f) for f in flags_of(store.open(INBOX, ALICE)).values()] == [
        ["$Junk"],
        ["Third"],
    ]


def test_rubbish_in_the_state_costs_the_validity_only(reopen: Open, maildir: Path) -> None:
    store = reopen()
    uids = fill(store, 2)
    before = store.status(INBOX, ALICE)
    store.close()
    (maildir / "homemail-state").write_bytes(os.urandom(500))
    store = reopen(crash=True)
    assert list(store.open(INBOX, ALICE).snapshot().uids) == uids
    assert store.status(INBOX, ALICE).uid_validity > before.uid_validity


def test_a_state_of_a_later_version_is_left_alone(reopen: Open, maildir: Path) -> None:
    fill(reopen(), 1)
    reopen().close()
    (maildir / "homemail-state").write_bytes(b"homemail-state 2\nwhatever\n")
    with pytest.raises(Temporary):
        reopen(crash=True).open(INBOX, ALICE)
    assert (maildir / "homemail-state").read_bytes() == b"homemail-state 2\nwhatever\n"


def test_unknown_lines_of_the_state_are_kept(reopen: Open, maildir: Path) -> None:
    fill(reopen(), 1)
    reopen().close()
    with (maildir / "homemail-state").open("ab") as state:
        state.write(b"colour blue\ntorn")
    fill(reopen(crash=True), 1)
    assert b"\ncolour blue\n" in (maildir / "homemail-state").read_bytes()


# Other programs


@pytest.fixture(params=["inotify", "listing"])
def notice(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both ways of noticing changes."""
    if request.param == "listing":
        monkeypatch.setattr(changes.DirectoryWatch, "add", lambda self, directory: False)


def watched(reopen: Open) -> tuple[MaildirStore, Mailbox]:
    store = reopen()
    mailbox = store.open(INBOX, ALICE)
    mailbox.snapshot()
    return store, mailbox


@pytest.mark.usefixtures("notice")
def test_mail_of_another_program_is_noticed(reopen: Open, maildir: Path) -> None:
    store, mailbox = watched(reopen)
    told = heard(mailbox)
    drop_in(maildir, "new/1700000000.1_2.elsewhere")
    mailbox.refresh()
    (change,) = told
    assert isinstance(change, Added) and change.uid in mailbox.recent
    (facts,) = mailbox.read_facts([change.uid])
    assert (facts.size, facts.internal_date.timestamp() > 0) == (len(MAIL), True)
    content = mailbox.read_content(change.uid)
    assert content is not None and read_all(content) == MAIL
    (parts,) = mailbox.read_cached([change.uid], Wanted(envelope=True))
    assert b'"Lunch"' in parts.envelope
    mailbox.refresh()
    assert told == [change]
    assert fill(store, 1)[0] > change.uid


@pytest.mark.usefixtures("notice")
def test_flags_by_rename_are_noticed(reopen: Open, maildir: Path) -> None:
    store, mailbox = watched(reopen)
    (uid,) = fill(store, 1)
    mailbox.refresh()
    told = heard(mailbox)
    (file,) = (maildir / "new").iterdir()
    file.rename(maildir / "cur" / f"{file.name}:2,FS")
    mailbox.refresh()
    (change,) = told
    assert isinstance(change, FlagsChanged)
    assert (change.uid, change.flags) == (uid, {FLAGGED, SEEN})
    assert mailbox.read_facts([uid])[0].mod_seq == change.mod_seq
    mailbox.store([uid], FlagChange.REMOVE, frozenset({FLAGGED}))
    assert files(maildir / "cur") == [f"{file.name}:2,S"]


@pytest.mark.usefixtures("notice")
def test_removal_is_noticed(reopen: Open, maildir: Path) -> None:
    store, mailbox = watched(reopen)
    uids = fill(store, 2)
    mailbox.refresh()
    told = heard(mailbox)
    file = next(path for path in (maildir / "new").iterdir() if path.name.endswith(f".{uids[0]}"))
    aside = maildir.parent / "aside"
    file.rename(aside)
    mailbox.refresh()
    (change,) = told
    assert isinstance(change, Expunged) and change.uid == uids[0]
    assert mailbox.read_changed_since(ModSeq(change.mod_seq - 1)) == ([], [uids[0]])
    aside.rename(file)
    mailbox.refresh()
    (_, back) = told
    assert isinstance(back, Added) and back.uid > uids[1]


@pytest.mark.usefixtures("notice")
def test_a_file_renamed_behind_our_back_is_still_found(reopen: Open, maildir: Path) -> None:
    store, mailbox = watched(reopen)
    store.create(name("Work"), ALICE)
    for act, left in (
        (lambda uid: mailbox.read_content(uid), [SEEN]),
        (lambda uid: mailbox.store([uid], FlagChange.ADD, frozenset({FLAGGED})), [FLAGGED, SEEN]),
        (lambda uid: mailbox.copy([uid], name("Work")), [SEEN]),
        (lambda uid: mailbox.move([uid], name("Work")), None),
        (lambda uid: mailbox.remove([uid]), None),
    ):
        (uid,) = fill(store, 1)
        (file,) = (maildir / "new").iterdir()
        file.rename(maildir / "cur" / f"{file.name}:2,S")
        assert act(uid)
        mailbox.refresh()
        found = flags_of(mailbox).get(uid)
        assert found == (None if left is None else set(left))
        mailbox.remove([uid])
    assert [sorted(f) for f in flags_of(store.open(name("Work"), ALICE)).values()] == [
        ["\\Seen"],
        ["\\Seen"],
    ]


def test_python_reads_and_changes_our_maildir(reopen: Open, maildir: Path) -> None:
    """The standard library's Maildir is another program like any other."""
    store, mailbox = watched(reopen)
    fill(store, 2)
    mailbox.snapshot()
    theirs = Maildir(maildir)
    assert sorted(one.get_flags() for one in theirs) == ["", ""]
    key = min(theirs.keys(), key=lambda key: int(key.rpartition(".")[2]))
    first = theirs[key]
    assert first["Subject"] == "Lunch"
    first.set_flags("FS")
    theirs[key] = first
    theirs.add(LF)
    theirs.remove(next(other for other in theirs.keys() if other != key))  # noqa: SIM118
    mailbox.refresh()
    assert len(mailbox.snapshot().uids) == len(theirs)
    assert sum(flags == {FLAGGED, SEEN} for flags in flags_of(mailbox).values()) == 1


def test_names_that_others_gave_are_kept(reopen: Open, maildir: Path) -> None:
    drop_in_before(maildir, "cur/1700000001.1_2.elsewhere,S=9:2,FS")
    drop_in_before(maildir, "new/1700000002.1_2.elsewhere")
    _, mailbox = watched(reopen)
    uids = mailbox.snapshot().uids
    mailbox.store(uids, FlagChange.REPLACE, frozenset({DELETED}))
    assert files(maildir / "cur") == [
        "1700000001.1_2.elsewhere,S=9:2,T",
        "1700000002.1_2.elsewhere:2,T",
    ]
    mailbox.copy(uids, INBOX)
    assert len(files(maildir / "new") + files(maildir / "cur")) == 4


def drop_in_before(maildir: Path, path: str) -> None:
    for sub in ("tmp", "new", "cur"):
        (maildir / sub).mkdir(parents=True, exist_ok=True)
    drop_in(maildir, path)


def test_crlf_and_nul_of_others(reopen: Open, maildir: Path) -> None:
    _, mailbox = watched(reopen)
    big = b"x" * 200_000 + b"\r\n"
    drop_in(maildir, "new/1.a", b"A: b\r\nC: d\n\r\n\0\xff\n" + big)
    mailbox.refresh()
    (uid,) = mailbox.snapshot().uids
    content = mailbox.read_content(uid)
    assert content is not None
    assert read_all(content) == b"A: b\r\nC: d\r\n\r\n\x80\xff\r\n" + big
    assert mailbox.read_facts([uid])[0].size == content.size == len(read_all(content))
    (copied,) = mailbox.copy([uid], INBOX).pairs
    one, two = mailbox.read_facts([uid, copied[1]])
    assert (one.size, one.email_id) == (two.size, two.email_id)
    again = mailbox.read_content(copied[1])
    assert again is not None and read_all(again) == read_all(content)


def test_a_copied_file_gets_a_uid_of_its_own(reopen: Open, maildir: Path) -> None:
    store, mailbox = watched(reopen)
    store.create(name("Work"), ALICE)
    (uid,) = fill(store, 1)
    (file,) = (maildir / "new").iterdir()
    shutil.copy(file, maildir / "cur" / f"{file.name.replace('.M', '.M1')}:2,")
    shutil.copy(file, maildir / ".Work/new" / file.name)
    mailbox.refresh()
    uids = list(mailbox.snapshot().uids)
    assert uids[0] == uid and len(uids) == 2
    assert store.status(name("Work"), ALICE).messages == 1
    before = everything(store)
    store.close()
    (maildir.parent / ".homemail/index.sqlite").unlink()
    assert everything(reopen(crash=True)) == before


def test_what_is_no_message_is_passed_over(reopen: Open, maildir: Path, tmp_path: Path) -> None:
    store, mailbox = watched(reopen)
    (tmp_path / "secret").write_bytes(b"secret")
    (maildir / "new/1.link").symlink_to(tmp_path / "secret")
    (maildir / "cur/1.directory:2,").mkdir()
    (maildir / "cur/.hidden").write_bytes(b"x")
    os.mkfifo(maildir / "new/1.pipe")
    mailbox.refresh()
    assert list(mailbox.snapshot().uids) == []
    assert len(fill(store, 1)) == 1


@pytest.mark.parametrize("text", ["a b%c", "ü", "new\nline", "\udcff", "a" * 200])
def test_odd_names_of_others_keep_their_uids(reopen: Open, maildir: Path, text: str) -> None:
    store, mailbox = watched(reopen)
    drop_in(maildir, f"new/1700000000.{text}")
    mailbox.refresh()
    assert len(mailbox.snapshot().uids) == 1
    before = everything(store)
    store.close()
    (maildir.parent / ".homemail/index.sqlite").unlink()
    assert everything(reopen(crash=True)) == before


def test_mailboxes_made_by_others(reopen: Open, maildir: Path) -> None:
    store = reopen()
    (maildir / ".Work/cur").mkdir(parents=True)
    (maildir / ".Work/new").mkdir()
    (maildir / ".Work/new/1.a").write_bytes(LF)
    (maildir / ".no-maildir").mkdir()
    (maildir / ".bad&name/cur").mkdir(parents=True)
    assert [str(info.name) for info in store.mailboxes()] == ["INBOX", "Work"]
    assert store.status(name("Work"), ALICE).messages == 1


@pytest.mark.parametrize("index_lost", [False, True])
def test_a_copied_mailbox_becomes_one_of_its_own(
    reopen: Open, maildir: Path, index_lost: bool
) -> None:
    store = reopen()
    store.create(name("Work"), ALICE)
    store.append(name("Work"), [message(MAIL, JUNK)], ALICE)
    before = everything(store)["Work"]
    store.close()
    shutil.copytree(maildir / ".Work", maildir / ".Copy")
    if index_lost:
        (maildir.parent / ".homemail/index.sqlite").unlink()
    store = reopen(crash=True)
    assert everything(store).keys() == {"INBOX", "Work", "Copy"}
    one, two = store.status(name("Work"), ALICE), store.status(name("Copy"), ALICE)
    assert (one.messages, two.messages) == (1, 1)
    assert one.mailbox_id != two.mailbox_id and one.uid_validity != two.uid_validity
    assert index_lost or everything(store)["Work"] == before
    assert list(flags_of(store.open(name("Copy"), ALICE)).values()) == [{JUNK}]


def test_mailboxes_renamed_and_removed_by_others(reopen: Open, maildir: Path) -> None:
    store = reopen()
    store.create(name("a"), ALICE)
    store.create(name("b"), ALICE)
    fill(store, 2, name("a"))
    before = store.status(name("a"), ALICE)
    one, two = store.open(name("a"), ALICE), store.open(name("b"), ALICE)
    one.snapshot(), two.snapshot()
    told = heard(one)
    (maildir / ".a").rename(maildir / ".c")
    shutil.rmtree(maildir / ".b")
    one.refresh(), two.refresh()
    assert [type(change) for change in told] == [Expunged, Expunged]
    assert list(one.snapshot().uids) == []
    for missing in "ab":
        with pytest.raises(NoSuchMailbox):
            store.status(name(missing), ALICE)
    assert store.status(name("c"), ALICE).mailbox_id == before.mailbox_id
    assert store.status(name("c"), ALICE).messages == 2


def test_a_broken_mailbox_does_not_disturb_the_others(reopen: Open, maildir: Path) -> None:
    store, mailbox = watched(reopen)
    store.create(name("Broken"), ALICE)
    store.create(name("Work"), ALICE)
    broken, work = store.open(name("Broken"), ALICE), store.open(name("Work"), ALICE)
    broken.snapshot(), work.snapshot()
    told, to_broken = heard(work), heard(broken)
    (maildir / ".Broken/cur").rename(maildir / ".Broken/away")
    (maildir / ".Broken/new/1.a").write_bytes(LF)
    (maildir / ".Work/new/1.a").write_bytes(LF)
    mailbox.refresh()
    assert [type(change) for change in told] == [Added] and to_broken == []
    (maildir / ".Broken/away").rename(maildir / ".Broken/cur")
    mailbox.refresh()
    assert [type(change) for change in to_broken] == [Added]


def test_letters_of_others_are_left_alone(reopen: Open, maildir: Path) -> None:
    store, mailbox = watched(reopen)
    drop_in(maildir, "cur/1.a:2,Sa")
    mailbox.refresh()
    store.append(INBOX, [message(MAIL, JUNK)], ALICE)
    assert [sorted(flags) for flags in flags_of(mailbox).values()] == [["\\Seen"], ["$Junk"]]
    assert any(file.endswith(":2,b") for file in files(maildir / "cur"))


def test_links_to_directories_are_followed_where_that_is_safe(
    reopen: Open, maildir: Path, tmp_path: Path
) -> None:
    fill(reopen(), 1)
    reopen().close()
    maildir.rename(tmp_path / "elsewhere")
    maildir.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(Temporary):
        reopen(crash=True)
    assert reopen(crash=True, follow_links=True).status(INBOX, ALICE).messages == 1


@pytest.mark.parametrize("sub", ["tmp", "new", "cur"])
def test_links_inside_a_maildir_are_not_followed(
    reopen: Open, maildir: Path, tmp_path: Path, sub: str
) -> None:
    reopen().create(name("Work"), ALICE)
    (maildir / ".Work" / sub).rename(tmp_path / "theirs")
    (maildir / ".Work" / sub).symlink_to(tmp_path / "theirs")
    with pytest.raises(Temporary):
        reopen().open(name("Work"), ALICE)
    assert reopen().open(INBOX, ALICE)


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to give a directory away")
def test_a_directory_of_somebody_else_is_not_used(reopen: Open, maildir: Path) -> None:
    reopen().close()
    os.chown(maildir, 12345, 12345)
    with pytest.raises(Temporary):
        reopen(crash=True)


def test_a_listing_is_spared_where_nothing_changed(
    reopen: Open, maildir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = reopen()
    fill(store, 2)
    store.close()
    for sub in ("new", "cur"):
        os.utime(maildir / sub, (1_600_000_000, 1_600_000_000))
    reopen(crash=True).open(INBOX, ALICE)  # lists, and finds nothing unknown
    store = reopen()
    listed: list[object] = []
    monkeypatch.setattr(os, "listdir", listed.append)
    assert len(store.open(INBOX, ALICE, read_only=True).snapshot().uids) == 2
    assert listed == []


@pytest.mark.slow
def test_uids_only_once(reopen: Open, maildir: Path) -> None:
    """Whatever happens between, no UID is given twice under one UIDVALIDITY."""
    given: dict[tuple[int, int], str] = {}

    def note(store: MaildirStore) -> None:
        mailbox = store.open(INBOX, ALICE)
        snapshot = mailbox.snapshot()
        for facts in mailbox.read_facts(snapshot.uids):
            key = (snapshot.uid_validity, facts.uid)
            assert given.setdefault(key, facts.email_id) == facts.email_id
        mailbox.close()

    for turn in range(6):
        store = reopen(crash=turn % 2 == 1)
        mailbox = store.open(INBOX, ALICE)
        store.append(INBOX, [message(MAIL + b"%d-%d\r\n" % (turn, n)) for n in range(3)], ALICE)
        drop_in(maildir, f"new/170000000{turn}.x", LF + b"foreign %d\n" % turn)
        note(store)
        mailbox.remove([Uid(uid) for uid in list(mailbox.snapshot().uids)[-2:]])
        if turn == 3:
            (maildir.parent / ".homemail/index.sqlite").unlink()
    assert len(given) == 24
