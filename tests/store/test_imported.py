# SPDX-License-Identifier: MIT
"""Moving over from Dovecot and Courier."""

from __future__ import annotations

from pathlib import Path

import pytest

from homemail.config.mailbox import MailboxSettings
from homemail.model.mailbox import INBOX, SEEN, Flag
from homemail.store.imported import parse_uids, read_keywords, read_unique_ids
from homemail.store.maildir import MaildirStore, open_store
from tests.store.conformance import ALICE, MAIL, fill, flags_of, name

DOVECOT_3 = (
    b"3 V1275660208 N25022 G3085f01b7f11094c501100008c4a11c1\n"
    b"25006 :1276528487.M364837P9451.kurkku,S=1355,W=1394:2,\n"
    b"25017 W2481 G0a1b :1276533073.M242911P3632.kurkku:2,F\n"
    b"25021 W1 :no such file\n"
)
DOVECOT_1 = b"1 1275660208 25022\n25006 1276528487.M364837P9451.kurkku,S=1355,W=1394\n" + (
    b"25017 1276533073.M242911P3632.kurkku\n"
)
FILES = ("1276528487.M364837P9451.kurkku,S=1355,W=1394:2,Sa", "1276533073.M242911P3632.kurkku:2,")


def test_both_versions() -> None:
    for data in (DOVECOT_3, DOVECOT_1):
        found = parse_uids(data)
        assert found is not None
        assert (found.uid_validity, found.uid_next) == (1275660208, 25022)
        assert found.uids["1276528487.M364837P9451.kurkku,S=1355,W=1394"] == 25006
        assert found.uids["1276533073.M242911P3632.kurkku"] == 25017


@pytest.mark.parametrize(
    "data",
    [b"", b"2 V1 N1\n", b"3 V0 N5\n", b"3 V5\n", b"1 5\n", b"3 V5 N4294967295\n", b"\0" * 99],
)
def test_what_is_not_known_is_not_used(data: bytes) -> None:
    assert parse_uids(data) is None


def test_lines_that_are_wrong_are_passed_over() -> None:
    found = parse_uids(b"1 5 10\n1 a\n1 b\n2 a\n0 c\n10 d\nx e\n3\n3 ../f\n4 g")
    assert found is not None and found.uids == {"a": 1, "g": 4}


def moved_house(home: Path, file: str, data: bytes) -> MaildirStore:
    for mailbox in ("Maildir", "Maildir/.Work"):
        for sub in ("tmp", "new", "cur"):
            (home / mailbox / sub).mkdir(parents=True)
        (home / mailbox / file).write_bytes(data)
        (home / mailbox / "dovecot-keywords").write_bytes(b"0 $Junk\n1 \n27 x\nrubbish\n")
        for one in (*FILES, "1276533074.later:2,"):
            (home / mailbox / "cur" / one).write_bytes(MAIL)
    return open_store(ALICE.account, home, MailboxSettings())


@pytest.mark.parametrize(
    ("file", "data"),
    [
        ("dovecot-uidlist", DOVECOT_3),
        ("dovecot-uidlist", DOVECOT_1),
        ("courierimapuiddb", DOVECOT_1),
    ],
)
def test_uids_of_another_server_are_kept(tmp_path: Path, file: str, data: bytes) -> None:
    store = moved_house(tmp_path, file, data)
    for mailbox_name in (INBOX, name("Work")):
        mailbox = store.open(mailbox_name, ALICE)
        snapshot = mailbox.snapshot()
        assert snapshot.uid_validity == 1275660208
        assert list(snapshot.uids) == [25006, 25017, 25022]
        assert flags_of(mailbox)[snapshot.uids[0]] == {SEEN, Flag("$Junk")}
    assert fill(store, 1) == [25023]
    store.close()
    (tmp_path / "Maildir" / file).unlink()
    (tmp_path / ".homemail/index.sqlite").unlink()
    store = open_store(ALICE.account, tmp_path, MailboxSettings())
    assert list(store.open(INBOX, ALICE).snapshot().uids) == [25006, 25017, 25022, 25023]
    assert store.status(INBOX, ALICE).uid_validity == 1275660208
    assert store.create(name("Other"), ALICE)
    assert store.status(name("Other"), ALICE).uid_validity > 1275660208
    store.close()


def test_a_lost_state_does_not_bring_old_numbers_back(tmp_path: Path) -> None:
    store = moved_house(tmp_path, "dovecot-uidlist", DOVECOT_3)
    before = store.status(INBOX, ALICE)
    store.close()
    (tmp_path / "Maildir/homemail-state").unlink()
    (tmp_path / ".homemail/index.sqlite").unlink()
    store = open_store(ALICE.account, tmp_path, MailboxSettings())
    assert store.status(INBOX, ALICE).uid_validity > before.uid_validity
    store.close()


def test_keywords_of_dovecot(tmp_path: Path) -> None:
    assert read_keywords(tmp_path) == {}
    (tmp_path / "dovecot-keywords").write_bytes(b"0 $Junk\n25 Last\n26 Past\n3 a b\n-1 x\n4\n")
    assert read_keywords(tmp_path) == {"a": "$Junk", "z": "Last"}


def test_unique_ids_that_a_pop3_server_wrote_down(tmp_path):
    assert read_unique_ids(tmp_path) == {}
    (tmp_path / "dovecot-uidlist").write_bytes(
        b"3 V1700000000 N9 G00\n"
        b"1 P3a1ec71700000001 :1.M1.host,S=5\n"
        b"2 W7 Pold-2 Gx :2.M1.host:2,S\n"
        b"3 :3.M1.host\n"
        b"4 P :4.M1.host\n"
    )
    (tmp_path / "courierpop3dsizelist").write_bytes(
        b"/2 7 1700000001\n"
        b"5.M1.host,S=5:2,S 100 5:1700000001\n"
        b"6.M1.host 100 0:0\n"
        b"a broken line\n"
        b"1.M1.host,S=5 100 1:1700000001\n"
    )
    assert read_unique_ids(tmp_path) == {
        "1.M1.host,S=5": "3a1ec71700000001",
        "2.M1.host": "old-2",
        "5.M1.host,S=5": "UID5-1700000001",
    }
