# SPDX-License-Identifier: MIT
"""Settings of IMAP."""

from __future__ import annotations

from dataclasses import dataclass

from homemail.config.declare import Number, Time, setting


@dataclass(frozen=True, slots=True)
class ImapSettings:
    """Reading mail where it is kept."""

    imap_idle_timeout: float = setting(
        1860.0, Time(), "How long a client that has logged in may be silent (30 minutes or more)."
    )
    imap_login_timeout: float = setting(
        60.0, Time(), "How long a client may take to log in after it has connected."
    )
    imap_client_connection_count_limit: int = setting(
        100, Number(1), "How many connections one client address may have."
    )
