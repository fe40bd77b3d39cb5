# SPDX-License-Identifier: MIT
"""The quota that other programs keep in ``maildirsize``."""

from __future__ import annotations

from pathlib import Path

import pytest

from homemail.config.mailbox import MailboxSettings
from homemail.errors import OverQuota
from homemail.model.mailbox import INBOX
from homemail.store import maildir_size
from homemail.store.maildir import MaildirStore, open_store
from tests.store.conformance import ALICE, MAIL, fill, message

LF_SIZE = len(MAIL.replace(b"\r\n", b"\n"))


@pytest.fixture
def counted(tmp_path: Path) -> Path:
    (tmp_path / "Maildir").mkdir()
    path = tmp_path / "Maildir/maildirsize"
    path.write_text("100000S,3C\n0 0\n")
    return path


@pytest.fixture
def store(counted: Path) -> MaildirStore:
    return open_store(ALICE.account, counted.parent.parent, MailboxSettings())


def test_its_limits_count(store: MaildirStore) -> None:
    fill(store, 3)
    quota = store.quota()
    assert (quota.octets_limit, quota.messages_limit, quota.messages_used) == (100_000, 3, 3)
    with pytest.raises(OverQuota) as full:
        store.append(INBOX, [message()], ALICE)
    assert full.value.status == "4.2.2"
    with pytest.raises(OverQuota) as too_big:
        store.append(INBOX, [message(b"x: y\r\n\r\n" + b"line\r\n" * 20_000)], ALICE)
    assert too_big.value.status == "5.2.2"


def test_limits_of_our_own_go_before(store: MaildirStore) -> None:
    store.limit(0, 1)
    assert store.quota().messages_limit == 1
    store.limit(0, 0)
    assert store.quota().messages_limit == 3


def test_what_comes_and_goes_is_noted(store: MaildirStore, counted: Path) -> None:
    uids = fill(store, 2)
    store.open(INBOX, ALICE).remove(uids[:1])
    assert counted.read_text().splitlines()[2:] == [f"{2 * LF_SIZE} 2", f"{-LF_SIZE} -1"]


def test_no_file_is_made_where_there_is_none(tmp_path: Path) -> None:
    fill(open_store(ALICE.account, tmp_path, MailboxSettings()), 1)
    assert not (tmp_path / "Maildir/maildirsize").exists()


def test_a_long_file_is_made_short(counted: Path) -> None:
    counted.write_text("100000S\n" + "10 1\nrubbish\n" * 400)
    maildir_size.note(counted.parent, -5, 1)
    assert counted.read_text() == "100000S\n3995 401\n"


@pytest.mark.parametrize("text", ["", "S,C\n", "\xff" * 100, "9999999999999999999999"])
def test_rubbish_sets_no_limit(counted: Path, text: str) -> None:
    counted.write_text(text, "latin-1")
    assert maildir_size.read_limits(counted.parent) == (0, 0)


def test_links_are_not_followed(counted: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.write_text("5S\n")
    counted.unlink()
    counted.symlink_to(other)
    assert maildir_size.read_limits(counted.parent) == (0, 0)
    maildir_size.note(counted.parent, 1, 1)
    assert other.read_text() == "5S\n"
