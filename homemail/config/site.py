# SPDX-License-Identifier: MIT
"""Settings of the installation as a whole: its names, networks and places."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from homemail.config.declare import FilePath, IpNetwork, Networks, Number, Text, TextList, setting


@dataclass(frozen=True, slots=True)
class SiteSettings:
    """The installation's names, networks and places."""

    myhostname: str = setting(
        "", Text(), "This server's name on the network; empty asks the system.", postfix=True
    )
    mydomain: str = setting(
        "",
        Text(),
        "The house's domain; empty takes myhostname without its first label.",
        postfix=True,
    )
    myorigin: str = setting(
        "$mydomain", Text(), "The domain added to addresses that have none.", postfix=True
    )
    mydestination: tuple[str, ...] = setting(
        ("$myhostname", "localhost.$mydomain", "localhost", "$mydomain"),
        TextList(),
        "The domains whose mail is delivered to the accounts here.",
        postfix=True,
    )
    mynetworks: tuple[IpNetwork, ...] = setting(
        (), Networks(), "Clients here may send to anywhere without a password.", postfix=True
    )
    inet_interfaces: tuple[str, ...] = setting(
        ("all",), TextList(), 'The addresses to listen on; "all" is every one.', postfix=True
    )
    recipient_delimiter: str = setting(
        "+", Text(), "What parts a user from an address extension (user+ext).", postfix=True
    )
    queue_directory: Path = setting(
        Path("/var/spool/homemail"),
        FilePath(),
        "Where mail waits that is bound elsewhere.",
        postfix=True,
    )
    data_directory: Path = setting(
        Path("/var/lib/homemail"),
        FilePath(),
        "Where the server keeps what it must remember.",
        postfix=True,
    )
    mail_owner: str = setting(
        "",
        Text(),
        "The user that a server started as root becomes; empty stays root.",
        postfix=True,
    )
    nameservers: tuple[str, ...] = setting(
        (), TextList(), "DNS servers as address or address:port; none asks the system's."
    )


@dataclass(frozen=True, slots=True)
class PortSettings:
    """The TCP ports to listen on; 0 turns a protocol off. In the file: the table [ports]."""

    smtp: int = setting(25, Number(0, 65535), "Mail from other servers.")
    lmtp: int = setting(
        0, Number(0, 65535), "Mail from a program that wants a reply per recipient."
    )
    submission: int = setting(
        587, Number(0, 65535), "Mail from the members of the house, STARTTLS."
    )
    submissions: int = setting(465, Number(0, 65535), "Mail from the members of the house, TLS.")
    imap: int = setting(143, Number(0, 65535), "Reading mail, STARTTLS.")
    imaps: int = setting(993, Number(0, 65535), "Reading mail, TLS.")
    pop3: int = setting(110, Number(0, 65535), "Collecting mail, STLS.")
    pop3s: int = setting(995, Number(0, 65535), "Collecting mail, TLS.")
    managesieve: int = setting(4190, Number(0, 65535), "Keeping Sieve scripts, STARTTLS.")
