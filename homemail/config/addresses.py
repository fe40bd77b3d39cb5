# SPDX-License-Identifier: MIT
"""Settings of addresses: the tables that rewrite, expand and route them.

A table is written ``type:source``; ``homemail.lookup`` has the types. A relative path in one is
below the directory of the settings file.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from homemail.config.declare import Number, Switch, Template, Text, TextList, setting

_IN_FILE = re.compile(r"(?!inline:|static:|unix:)((?:proxy:)?[a-z]+:)(?!/)(.+)", re.DOTALL)


class TableList(TextList):
    """A list of lookup tables."""

    expected = 'a list of tables such as ["hash:aliases", "regexp:/etc/homemail/more"]'

    def below(self, directory: Path, item: str) -> str:
        """Return ``item`` with a whole path in it."""
        match = _IN_FILE.fullmatch(item)
        return f"{match[1]}{directory / match[2]}" if match else item


class DomainList(TableList):
    """A list of domains and of tables whose keys are domains."""

    expected = 'a list such as ["example.org", ".example.net", "hash:domains"]'


LUSER_NAMES = ("user", "extension", "recipient_delimiter", "local", "domain", "recipient")
"""The names in ``luser_relay``."""


@dataclass(frozen=True, slots=True)
class AddressSettings:
    """Which addresses are rewritten, what they stand for, where their mail goes.

    The tables are asked in this order: canonical, virtual aliases, aliases; then relocated and
    transport.
    """

    append_at_myorigin: bool = setting(
        True,
        Switch(),
        "Add @myorigin to addresses without a domain; else refuse them.",
        postfix=True,
    )
    append_dot_mydomain: bool = setting(
        False, Switch(), "Add .mydomain to domains without a dot.", postfix=True
    )
    swap_bangpath: bool = setting(
        True, Switch(), "Read host!user without a domain as user@host.", postfix=True
    )
    allow_percent_hack: bool = setting(
        True, Switch(), "Read user%host without a domain as user@host.", postfix=True
    )
    fallback_transport: str = setting(
        "",
        Text(),
        'Who takes mail for local names without an account, such as "smtp:[old.example.org]".',
        postfix=True,
    )
    luser_relay: str = setting(
        "",
        Template(LUSER_NAMES),
        'Whose address gets mail for local names without an account, such as "$user@other.host".',
        postfix=True,
    )
    canonical_maps: tuple[str, ...] = setting(
        (), TableList(), "Rewrite addresses of senders and recipients.", postfix=True
    )
    sender_canonical_maps: tuple[str, ...] = setting(
        (), TableList(), "Rewrite addresses of senders, before canonical_maps.", postfix=True
    )
    recipient_canonical_maps: tuple[str, ...] = setting(
        (), TableList(), "Rewrite addresses of recipients, before canonical_maps.", postfix=True
    )
    masquerade_domains: tuple[str, ...] = setting(
        (),
        TextList(),
        "Hide hosts: an address below one of these domains becomes one of the domain. "
        "!name is left as it is. Senders, and headers of what is submitted.",
        postfix=True,
    )
    masquerade_exceptions: tuple[str, ...] = setting(
        (), TextList(), "Users whose hosts are not hidden.", postfix=True
    )
    virtual_alias_maps: tuple[str, ...] = setting(
        (), TableList(), "Addresses of any domain that stand for other ones.", postfix=True
    )
    virtual_alias_domains: tuple[str, ...] = setting(
        ("$virtual_alias_maps",),
        DomainList(),
        "Domains that have nothing but virtual aliases.",
        postfix=True,
    )
    virtual_alias_expansion_limit: int = setting(
        1000, Number(1, 100_000), "The most addresses that one may stand for.", postfix=True
    )
    virtual_mailbox_domains: tuple[str, ...] = setting(
        (),
        DomainList(),
        "Domains with accounts of their own: name@domain in the accounts, and no other.",
        postfix=True,
    )
    virtual_mailbox_maps: tuple[str, ...] = setting(
        (),
        TableList(),
        "Addresses in virtual_mailbox_domains that belong to the account named by the value.",
        postfix=True,
    )
    alias_maps: tuple[str, ...] = setting(
        (),
        TableList(),
        "Names in mydestination that stand for addresses, programs, files or lists.",
        postfix=True,
    )
    local_recipient_maps: tuple[str, ...] = setting(
        (),
        TableList(),
        "Where set, addresses in mydestination must be here, too, to be accepted.",
        postfix=True,
    )
    relocated_maps: tuple[str, ...] = setting(
        (), TableList(), "Addresses that have moved: senders are told where to.", postfix=True
    )
    relay_domains: tuple[str, ...] = setting(
        (), DomainList(), "Domains elsewhere that this server takes mail for.", postfix=True
    )
    relay_recipient_maps: tuple[str, ...] = setting(
        (),
        TableList(),
        "Where set, the addresses in relay_domains that exist.",
        postfix=True,
    )
    transport_maps: tuple[str, ...] = setting(
        (), TableList(), "The transport:nexthop of addresses and domains.", postfix=True
    )
    sender_dependent_relayhost_maps: tuple[str, ...] = setting(
        (), TableList(), "The relayhost of a sender's address or @domain.", postfix=True
    )
    sender_dependent_default_transport_maps: tuple[str, ...] = setting(
        (), TableList(), "The default_transport of a sender's address or @domain.", postfix=True
    )
    smtp_generic_maps: tuple[str, ...] = setting(
        (),
        TableList(),
        "Rewrite addresses of the house in what goes to other hosts.",
        postfix=True,
    )
