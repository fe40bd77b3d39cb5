# SPDX-License-Identifier: MIT
"""Settings of the mailboxes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath

from homemail.config.declare import Size, Switch, Time, setting, toml_string


class MaildirBelowHome:
    """A directory below the owner's home; the slash at the end says that it is a Maildir."""

    expected = 'a Maildir below the home, with a slash at the end, such as "Maildir/"'

    def parse(self, value: object) -> str:
        if not isinstance(value, str) or not value.endswith("/") or "\0" in value:
            raise ValueError(self.expected)
        parts = PurePosixPath(value).parts
        if not parts or value.startswith("/") or ".." in parts or parts[0] == ".homemail":
            raise ValueError(self.expected)
        return value

    def show(self, value: str) -> str:
        return toml_string(value)


@dataclass(frozen=True, slots=True)
class MailboxSettings:
    """Where each account's mail is kept."""

    home_mailbox: str = setting(
        "Maildir/",
        MaildirBelowHome(),
        "INBOX, below the home of its owner; a slash at the end says Maildir.",
        postfix=True,
    )
    quota: int = setting(
        0,
        Size(),
        "What an account may hold where its own line does not say; 0: no limit.",
    )
    full_text: bool = setting(
        True,
        Switch(),
        "Keep an index of all words in the homes, so that searching in messages is fast.",
    )
    undelete_for: float = setting(
        604_800.0,
        Time(),
        'How long "homemail mailbox undelete" can bring back what was expunged; 0: not at all.',
    )
