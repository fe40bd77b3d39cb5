# SPDX-License-Identifier: MIT
"""Settings of final delivery: ``.forward``, programs, files."""

from __future__ import annotations

from dataclasses import dataclass

from homemail.config.declare import (
    Number,
    Size,
    Template,
    TemplateList,
    Text,
    TextList,
    Time,
    setting,
)

PATH_NAMES = ("user", "home", "extension", "recipient_delimiter", "local", "domain", "recipient")
"""The names in ``forward_path``."""

PROGRAM_NAMES = (
    *("USER", "LOGNAME", "HOME", "SHELL", "EXTENSION", "DOMAIN", "LOCAL"),
    *("RECIPIENT", "ORIGINAL_RECIPIENT", "SENDER"),
)
"""The variables of a program that delivers."""


@dataclass(frozen=True, slots=True)
class LocalSettings:
    """How mail is delivered here: ``.forward`` files, programs, other mailbox servers."""

    forward_path: tuple[str, ...] = setting(
        ("$home/.forward${recipient_delimiter}${extension}", "$home/.forward"),
        TemplateList(PATH_NAMES),
        "Where an account's forwarding file is looked for; the first that is there counts. "
        "One with $extension in it is for mail to user+extension.",
        postfix=True,
    )
    mailbox_transport: str = setting(
        "",
        Text(),
        'Who keeps the mailboxes in our place, such as "lmtp:127.0.0.1:24"; '
        "forwarding files come first, Sieve scripts are not run.",
        postfix=True,
    )
    mailbox_command: str = setting(
        "",
        Template(PROGRAM_NAMES),
        "The program that gets the mail of accounts without a Sieve script of their own, "
        "in place of the mailbox, with the message at its standard input.",
        postfix=True,
    )

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
