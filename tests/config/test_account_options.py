# SPDX-License-Identifier: MIT
"""What an account's line says of its mailboxes."""

from __future__ import annotations

import pytest

from homemail.config.account_options import QuotaLimits, inbox_of, limits_of_account
from homemail.config.mailbox import MailboxSettings

HOUSE = MailboxSettings(quota=1000)


@pytest.mark.parametrize(
    ("options", "limits"),
    [
        ({}, (1000, 0)),
        ({"quota": "5GB"}, (5 * 10**9, 0)),
        ({"quota": "0"}, (0, 0)),
        ({"quota_messages": "20"}, (1000, 20)),
        ({"quota_rule": "*:storage=1G:messages=30"}, (1 << 30, 30)),
        ({"quota_rule": "*:storage=2"}, (2048, 0)),
        ({"quota_rule": "*:bytes=2"}, (2, 0)),
        ({"quota_rule": "*:bytes=2M", "quota": "7"}, (7, 0)),
        ({"quota_rule": "Trash:ignore"}, (1000, 0)),
    ],
)
def test_limits(options: dict[str, str], limits: tuple[int, int]) -> None:
    assert limits_of_account(options, HOUSE) == QuotaLimits(*limits)


@pytest.mark.parametrize("options", [{"quota": "much"}, {"quota_messages": "-1"}])
def test_limits_that_cannot_be_read(options: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=next(iter(options))):
        limits_of_account(options, HOUSE)


@pytest.mark.parametrize(
    ("options", "inbox"),
    [
        ({}, "Maildir/"),
        ({"home_mailbox": "Mail/in/"}, "Mail/in/"),
        ({"mail": "maildir:~/Post:INDEX=/x"}, "Post/"),
        ({"mail": "mbox:~/mail"}, "Maildir/"),
    ],
)
def test_inbox(options: dict[str, str], inbox: str) -> None:
    assert inbox_of(options, HOUSE) == inbox


@pytest.mark.parametrize("text", ["/etc/", "../x/", ".homemail/"])
def test_inbox_elsewhere_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="home_mailbox"):
        inbox_of({"home_mailbox": text}, HOUSE)
