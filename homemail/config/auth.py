# SPDX-License-Identifier: MIT
"""Settings of accounts and passwords."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from homemail.config.declare import FilePath, Number, Switch, Time, setting


@dataclass(frozen=True, slots=True)
class AuthSettings:
    """Who has an account, and how patiently passwords are checked."""

    users_file: Path = setting(
        Path("/etc/homemail/users"),
        FilePath(),
        "The account file, one account per line as in Dovecot's passwd-file.",
    )
    home_base: Path = setting(
        Path("/var/lib/homemail/home"),
        FilePath(),
        "Has a directory per account, the home of those whose line names none.",
    )
    auth_allow_cleartext: bool = setting(
        False,
        Switch(),
        "Take passwords over a network without TLS; this machine itself always may.",
    )
    auth_cache_time: float = setting(
        300.0, Time(), "How long a password that was right is remembered; 0 is not at all."
    )
    auth_failure_delay: float = setting(
        2.0,
        Time(),
        "How long a client waits for its next try after a wrong password; doubles each time.",
    )
    auth_failure_delay_max: float = setting(15.0, Time(), "The longest that such a wait grows to.")
    auth_failure_memory: float = setting(
        600.0, Time(), "How long after its last wrong password a client's failures count."
    )
    auth_max_failures: int = setting(
        20,
        Number(1, 1_000_000),
        "Wrong passwords within that time after which a client address is locked out for as long.",
    )
    auth_worker_threads: int = setting(
        2, Number(1, 64), "How many passwords are checked at the same time."
    )
