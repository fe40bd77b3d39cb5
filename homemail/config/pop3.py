# SPDX-License-Identifier: MIT
"""Settings of POP3."""

from __future__ import annotations

from dataclasses import dataclass

from homemail.config.declare import Number, Switch, Time, setting


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
