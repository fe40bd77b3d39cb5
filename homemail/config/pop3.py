# SPDX-License-Identifier: MIT
"""Settings of POP3."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from homemail.config.declare import FilePath, Number, Switch, Text, Time, setting


@dataclass(frozen=True, slots=True)
class Pop3Settings:
    """Collecting mail."""

    pop3_idle_timeout: float = setting(
        600.0, Time(), "How long a client that has logged in may be silent (10 minutes or more)."
    )
    pop3_login_timeout: float = setting(
        180.0, Time(), "How long a client may take to log in after it has connected."
    )
    pop3_lock_timeout: float = setting(
        2.0, Time(), "How long a client waits while another one has the account's mail open."
    )
    pop3_mark_seen: bool = setting(
        True, Switch(), "Mark messages that were fetched and stay as seen, for IMAP and for LAST."
    )
    pop3_client_connection_count_limit: int = setting(
        100, Number(1), "How many connections one client address other than our own may have."
    )
    pop3_uidl_format: str = setting(
        "%08Xv.%08Xu",
        Text(),
        "How unique-ids are made of UID (%u), UIDVALIDITY (%v) and file name (%f), as in Dovecot.",
    )
    pop3_reuse_xuidl: bool = setting(
        False, Switch(), "Take the unique-id out of a message's X-UIDL field, as qpopper left it."
    )
    pop3_delete_after_retrieval: bool = setting(
        False, Switch(), "Remove what was fetched at QUIT, also where the client does not."
    )
    pop3_keep_days: int = setting(
        0,
        Number(0, 36_500),
        "Remove, at QUIT, messages that were read and are older than so many days; 0 keeps them.",
    )
    pop3_login_delay: float = setting(
        0.0, Time(), "How long an account has to wait between two logins; 0 not at all."
    )
    pop3_bulletin_directory: Path | None = setting(
        None,
        FilePath(optional=True),
        "Has messages to everybody, as files NNNNN.NAME; each account gets each once.",
    )
