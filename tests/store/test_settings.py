# SPDX-License-Identifier: MIT
"""What ``home_mailbox`` may say."""

from __future__ import annotations

import pytest

from homemail.config.mailbox import MailboxSettings, MaildirBelowHome
from homemail.errors import ConfigError
from homemail.store import mailbox_format


@pytest.mark.parametrize("value", ["Maildir/", "mail/in/", "postoffice/", "Post Fach/"])
def test_maildirs(value: str) -> None:
    assert MaildirBelowHome().parse(value) == value
    assert mailbox_format(MailboxSettings(home_mailbox=value)) == "maildir"


@pytest.mark.parametrize(
    "value",
    ["", "/", "Mailbox", "/var/mail/", "../x/", "a/../../b/", ".homemail/", "a\0/", "./", 7, None],
)
def test_what_is_no_maildir_below_the_home(value: object) -> None:
    with pytest.raises(ValueError, match="with a slash at the end"):
        MaildirBelowHome().parse(value)


def test_a_format_that_is_not_there_yet_is_refused() -> None:
    with pytest.raises(ConfigError, match="slash at the end"):
        mailbox_format(MailboxSettings(home_mailbox="Mailbox"))
