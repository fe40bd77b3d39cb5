# SPDX-License-Identifier: MIT
"""Unique-ids by format, and those of other servers."""

from __future__ import annotations

import contextlib

import pytest

from homemail.config.mailbox import MailboxSettings
from homemail.errors import ConfigError
from homemail.model.address import AccountId
from homemail.model.mailbox import INBOX, Uid, UidValidity
from homemail.model.message import MemoryContent
from homemail.pop3.unique_ids import UidlFormat, given_in, parse_format, unique_ids
from homemail.store import open_store
from homemail.store.api import Actor, NewMessage
from homemail.store.lane import OwnerMail
from tests.pop3.house import Pop3House
from tests.pop3.test_session import logged_in

VALIDITY = UidValidity(0x6B4A2D5F)


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        ("%08Xv.%08Xu", "6b4a2d5f.0000002a"),
        ("%08Xu%08Xv", "0000002a6b4a2d5f"),  # Dovecot's own
        ("%u", "42"),
        ("%v-%u", "1800023391-42"),
        ("%v.%u", "1800023391.42"),
        ("%f", "1200.M1P2.host_1,S=9"),
        ("UID%u-%v", "UID42-1800023391"),
        ("100%%%u", "100%42"),
    ],
)
def test_formats(form, expected):
    made = UidlFormat.parse(form).of(Uid(42), VALIDITY, "1200.M1P2.host 1,S=9")
    assert made == expected
    if "%f" not in form:
        assert unique_ids([Uid(42)], VALIDITY, parse_format(form), {}, {}) == [expected]


@pytest.mark.parametrize("form", ["", "%", "%v", "%d", "%s", "%u %v", "fixed", "%(u)d", "é%u"])
def test_formats_that_mean_nothing(form):
    with pytest.raises(ConfigError) as error:
        parse_format(form)
    assert error.value.parameter == "pop3_uidl_format"


def test_what_another_server_gave_goes_first_and_none_comes_twice():
    uids = [Uid(1), Uid(2), Uid(3), Uid(4)]
    form = UidlFormat.parse("%u")
    made = unique_ids(uids, VALIDITY, form, {}, {Uid(1): "2", Uid(3): "old", Uid(4): "old"})
    assert made == ["2", "6b4a2d5f.00000002", "old", "6b4a2d5f.00000004"]


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (b"Subject: x\r\nX-UIDL: 3a1ec71700000001\r\n\r\n", "3a1ec71700000001"),
        (b'x-uidl:  !"#$%\r\n\r\n', '!"#$%'),
        (b"Subject: x\r\n\r\n", ""),
        (b"X-UIDL:\r\n\r\n", ""),
        (b"X-UIDL: two words\r\n\r\n", ""),
        (b"X-UIDL: " + b"x" * 71 + b"\r\n\r\n", ""),
    ],
)
def test_what_qpopper_wrote(header, expected):
    assert given_in(header) == expected


@pytest.mark.slow
def test_they_stay_over_restarts_and_a_lost_index(loop_thread, tmp_path):
    for sub in ("tmp", "new", "cur"):
        (tmp_path / "Maildir" / sub).mkdir(parents=True)
    (tmp_path / "Maildir/new/1700000000.M1P1.host").write_text("Subject: foreign\n\n")
    seen = []
    for lost in (None, None, "index.sqlite"):
        if lost:
            for file in (tmp_path / ".homemail").glob(f"{lost}*"):
                file.unlink()
        with contextlib.closing(Pop3House(loop_thread)) as house:
            alice = AccountId("alice")
            store = open_store(alice, tmp_path, MailboxSettings())
            if not seen:
                content = MemoryContent(b"Subject: ours\r\n\r\n")
                store.append(INBOX, [NewMessage(content)], Actor(alice))
            house.mail[alice] = OwnerMail(store)
            client = logged_in(house)
            seen.append(client.uidl()[1])
            client.quit()
    assert seen[0] == seen[1] == seen[2]
    assert len(seen[0]) == 2
