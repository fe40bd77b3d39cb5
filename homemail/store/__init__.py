# SPDX-License-Identifier: MIT
"""Mailboxes: contracts, Maildir, the memory twin, index, layout, changes."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from homemail.config.mailbox import MailboxSettings
from homemail.errors import ConfigError
from homemail.model.address import AccountId
from homemail.store import maildir, memory
from homemail.store.api import Store


class OpenStore(Protocol):
    """How a kind of store is opened. A limit of 0 is none; ``now`` gives seconds."""

    def __call__(
        self,
        owner: AccountId,
        home: Path,
        settings: MailboxSettings,
        *,
        octets_limit: int = 0,
        messages_limit: int = 0,
        now: Callable[[], float] = ...,
        follow_links: bool = False,
    ) -> Store: ...


FORMATS: dict[str, OpenStore] = {"maildir": maildir.open_store, "memory": memory.open_store}


def open_store(
    owner: AccountId,
    home: Path,
    settings: MailboxSettings,
    *,
    octets_limit: int = 0,
    messages_limit: int = 0,
    now: Callable[[], float] = time.time,
    follow_links: bool = False,
) -> Store:
    """Open the mailboxes of ``owner``, in the format that ``settings.home_mailbox`` names.

    ``home`` must exist. ``follow_links``: directories may be links that the owner or root made,
    which is safe where every owner has a uid of his own.

    Raises:
        LockTimeout: another process has them open.
        Temporary: they cannot be opened now.
    """
    return FORMATS[mailbox_format(settings)](
        owner,
        home,
        settings,
        octets_limit=octets_limit,
        messages_limit=messages_limit,
        now=now,
        follow_links=follow_links,
    )


def mailbox_format(settings: MailboxSettings) -> str:
    """Return the key in ``FORMATS``: a slash at the end of ``home_mailbox`` says Maildir.

    Raises:
        ConfigError: there is no format for what it says.
    """
    if settings.home_mailbox.endswith("/"):
        return "maildir"
    raise ConfigError("a Maildir is expected, with a slash at the end", parameter="home_mailbox")
