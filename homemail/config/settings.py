# SPDX-License-Identifier: MIT
"""All settings: the one place where the groups are put together."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any

from homemail.config.addresses import AddressSettings
from homemail.config.auth import AuthSettings
from homemail.config.declare import Declared, declared
from homemail.config.imap import ImapSettings
from homemail.config.local import LocalSettings
from homemail.config.mailbox import MailboxSettings
from homemail.config.policy import PolicySettings
from homemail.config.pop3 import Pop3Settings
from homemail.config.queue import QueueSettings, SendingSettings
from homemail.config.sieve import SieveSettings
from homemail.config.site import PortSettings, SiteSettings
from homemail.config.smtp import SmtpSettings
from homemail.config.tls import TlsSettings


@dataclass(frozen=True, slots=True)
class Settings:
    """Every setting, by group. ``homemail.config.load.load`` makes it from files.

    Made without arguments it holds the defaults as declared, with ``$name`` not yet filled in.
    """

    site: SiteSettings = field(default_factory=SiteSettings)
    smtp: SmtpSettings = field(default_factory=SmtpSettings)
    policy: PolicySettings = field(default_factory=PolicySettings)
    addresses: AddressSettings = field(default_factory=AddressSettings)
    auth: AuthSettings = field(default_factory=AuthSettings)
    local: LocalSettings = field(default_factory=LocalSettings)
    mailbox: MailboxSettings = field(default_factory=MailboxSettings)
    queue: QueueSettings = field(default_factory=QueueSettings)
    sending: SendingSettings = field(default_factory=SendingSettings)
    imap: ImapSettings = field(default_factory=ImapSettings)
    pop3: Pop3Settings = field(default_factory=Pop3Settings)
    sieve: SieveSettings = field(default_factory=SieveSettings)
    tls: TlsSettings = field(default_factory=TlsSettings)
    ports: PortSettings = field(default_factory=PortSettings)


TABLES = ("ports",)
"""The groups that are a table of their own in the file; the names of the others stand at its top.

They come last in ``Settings``, as in the file: what follows a table's head belongs to the table.
"""


@dataclass(frozen=True, slots=True)
class Known:
    """One declared setting. ``name`` is the one in messages: ``myhostname``, ``ports.smtp``."""

    name: str
    group: str
    key: str
    default: Any
    declared: Declared


def groups() -> dict[str, type]:
    """Return the class of each group, in the order of ``Settings``."""
    return {group.name: group.default_factory for group in fields(Settings)}  # type: ignore[misc]


def known_settings() -> dict[str, Known]:
    """Return every setting by its name.

    Raises:
        ValueError: two groups declare the same name.
    """
    known: dict[str, Known] = {}
    for group, kind in groups().items():
        for of in fields(kind):
            name = f"{group}.{of.name}" if group in TABLES else of.name
            if name in known:
                raise ValueError(f"{name} is declared in {known[name].group} and in {group}")
            known[name] = Known(name, group, of.name, of.default, declared(of))
    return known
