# SPDX-License-Identifier: MIT
"""Homes are made where that is ours to do; a mailbox that is gone is not made again."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from homemail.auth.api import Account
from homemail.errors import Temporary
from homemail.model.address import account_id
from homemail.roles.homes import Homes

INBOX = "Maildir/"


@pytest.fixture
def homes(tmp_path):
    (tmp_path / "home").mkdir()
    return Homes(tmp_path / "home", tmp_path / "data" / "inboxes")


def account(home: Path, name: str = "dora") -> Account:
    return Account(account_id(name), home)


def test_a_home_in_the_base_is_made_private(homes, tmp_path):
    dora = account(tmp_path / "home" / "dora")
    homes.prepare(dora, INBOX)
    assert stat.S_IMODE(dora.home.stat().st_mode) == 0o700


def test_a_home_elsewhere_is_not_made(homes, tmp_path):
    homes.prepare(account(tmp_path / "elsewhere" / "dora"), INBOX)
    assert not (tmp_path / "elsewhere").exists()


def test_an_inbox_that_was_there_and_is_gone_defers(homes, tmp_path):
    dora = account(tmp_path / "home" / "dora")
    homes.prepare(dora, INBOX)
    homes.opened(dora, INBOX)  # no INBOX yet: nothing to remember
    homes.prepare(dora, INBOX)
    (dora.home / "Maildir").mkdir()
    homes.opened(dora, INBOX)
    homes.prepare(dora, INBOX)
    (dora.home / "Maildir").rmdir()
    with pytest.raises(Temporary) as gone:
        homes.prepare(dora, INBOX)
    assert str(tmp_path) not in gone.value.text
    assert "not mounted" in str(gone.value.__cause__)
    dora.home.rmdir()
    with pytest.raises(Temporary):
        homes.prepare(dora, INBOX)


def test_a_name_cannot_lead_out_of_the_markers(homes, tmp_path):
    odd = account(tmp_path / "home" / "odd", "../../odd")
    odd.home.mkdir()
    (odd.home / "Maildir").mkdir()
    homes.opened(odd, INBOX)
    assert [file.name for file in (tmp_path / "data" / "inboxes").iterdir()] == ["..%2F..%2Fodd"]
