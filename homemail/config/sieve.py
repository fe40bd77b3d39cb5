# SPDX-License-Identifier: MIT
"""Settings of Sieve scripts and of ManageSieve."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from homemail.config.declare import FilePath, FilePaths, Number, Pattern, Size, Text, Time, setting


@dataclass(frozen=True, slots=True)
class SieveSettings:
    """What a person's scripts may cost, and how long ManageSieve waits."""

    sieve_before: tuple[Path, ...] = setting(
        (), FilePaths(), "Scripts of the house that every message goes through first."
    )
    sieve_after: tuple[Path, ...] = setting(
        (), FilePaths(), "Scripts of the house for what the owner's script keeps."
    )
    sieve_global_directory: Path | None = setting(
        None, FilePath(optional=True), "Where the scripts are that `include :global` means."
    )
    sieve_spamtest_header: str = setting(
        "",
        Text(),
        "The field in which a filter in front of us writes its spam points, such as X-Spam-Status; "
        "empty: mail is not tested.",
    )
    sieve_spamtest_pattern: str = setting(
        "score=(-?[0-9.]+)", Pattern(1), "Where the points are in that field."
    )
    sieve_spamtest_max_value: int = setting(
        10, Number(1, 1_000_000), "How many points are certainly spam: 10 of the test spamtest."
    )
    sieve_virustest_header: str = setting(
        "",
        Text(),
        "The field in which a filter in front of us writes whether a message is infected; "
        "empty: mail is not tested.",
    )
    sieve_virustest_clean_pattern: str = setting(
        "(?i)^(clean|no)", Pattern(), "What that field says of a clean message."
    )
    sieve_virustest_infected_pattern: str = setting(
        "(?i)^(infected|yes)", Pattern(), "What that field says of an infected message."
    )
    sieve_max_script_size: int = setting(1_000_000, Size(), "The size of the largest script.")
    sieve_quota_max_scripts: int = setting(
        50, Number(0, 10_000), "The most scripts of one account; 0 is no limit."
    )
    sieve_quota_max_storage: int = setting(
        10_000_000, Size(), "The size of all scripts of one account together; 0 is no limit."
    )
    sieve_max_redirects: int = setting(
        5, Number(0, 100), "To how many addresses one script may redirect a message."
    )
    sieve_max_actions: int = setting(
        32, Number(1, 1000), "How many actions one script may take for a message."
    )
    sieve_vacation_min_period: float = setting(
        86_400.0, Time(), "The shortest time between two vacation answers to the same sender."
    )
    sieve_vacation_max_period: float = setting(
        7_776_000.0, Time(), "The longest time for which a vacation answer is remembered."
    )
    managesieve_timeout: float = setting(
        1_800.0, Time(), "How long ManageSieve waits for the next command after the login."
    )
    managesieve_login_timeout: float = setting(
        60.0, Time(), "How long ManageSieve waits for a login."
    )
    managesieve_client_connection_count_limit: int = setting(
        20, Number(1), "How many ManageSieve connections one client address may have."
    )
