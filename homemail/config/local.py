# SPDX-License-Identifier: MIT
"""Settings of final delivery: ``.forward``, programs, files."""

from __future__ import annotations

from dataclasses import dataclass

from homemail.config.declare import Number, TextList, Time, setting


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
    local_destination_concurrency_limit: int = setting(
        2, Number(1, 1000), "The most programs run for one owner at the same time.", postfix=True
    )
