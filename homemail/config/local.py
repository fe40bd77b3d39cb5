# SPDX-License-Identifier: MIT
"""Settings of final delivery: ``.forward``, programs, files."""

from __future__ import annotations

from dataclasses import dataclass

from homemail.config.declare import Number, Size, TextList, Time, setting


@dataclass(frozen=True, slots=True)
class LocalSettings:
    """What an owner's ``.forward`` may do, and for how long."""

    allow_mail_to_commands: tuple[str, ...] = setting(
        ("alias", "forward"),
        TextList(),
        'Where "|command" may stand: alias, forward, include (a list file named by them).',
        postfix=True,
    )
    allow_mail_to_files: tuple[str, ...] = setting(
        ("alias", "forward"),
        TextList(),
        'Where "/file" may stand: alias, forward, include (a list file named by them).',
        postfix=True,
    )
    command_time_limit: float = setting(
        1000.0, Time(), "How long a program may take to deliver a message.", postfix=True
    )
    command_memory_limit: int = setting(
        1_000_000_000, Size(), "How much memory each process of such a program gets; 0 is no limit."
    )
    command_process_limit: int = setting(
        100,
        Number(0, 100_000),
        "How many processes and threads such programs may have beside what their owner runs; "
        "0 is no limit.",
    )
    local_destination_concurrency_limit: int = setting(
        2, Number(1, 1000), "The most programs run for one owner at the same time.", postfix=True
    )
