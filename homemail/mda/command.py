# SPDX-License-Identifier: MIT
"""Programs that deliver for an owner: what they are given, how many at once."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path

from homemail.mda.final_fields import from_line, lf_lines, original_to, with_final_fields
from homemail.mda.owner import Job, Owner, log
from homemail.mda.program import PATH, Program, run_program, safe_value
from homemail.model.delivery import Delivery
from homemail.model.message import MessageContent
from homemail.model.reply import Reply

_NO_PROGRAMS = Reply(451, "4.3.5", "Programs are not run for this account")


class Commands:
    """Runs one owner's programs, at most ``local_destination_concurrency_limit`` at a time."""

    def __init__(self, owner: Owner) -> None:
        self._owner = owner
        self._turns = asyncio.Semaphore(owner.settings.local_destination_concurrency_limit)

    async def run(self, job: Job, command: str) -> Reply | None:
        """Give the message to ``command``; None when it took it."""
        owner, settings = self._owner, self._owner.settings
        if not owner.may_run_programs:
            return _NO_PROGRAMS
        program = Program(
            command,
            environment(owner, job),
            owner.home,
            settings.command_time_limit,
            settings.command_memory_limit,
            settings.command_process_limit,
        )
        async with self._turns:
            reply = await run_program(
                program, program_input(job.delivery, job.content, owner.now())
            )
        log.info("program ended", trace=job.trace, command=command, reply=reply or "took it")
        return reply


def program_input(delivery: Delivery, content: MessageContent, now: datetime) -> Iterator[bytes]:
    """Yield the message as a program gets it: a ``From `` line, final fields, LF line ends."""
    yield from_line(delivery.envelope.reverse_path, now)
    yield from lf_lines(with_final_fields(delivery, content))


def environment(owner: Owner, job: Job) -> Mapping[str, str]:
    """Return the variables of an owner's program."""
    return program_environment(job.delivery, owner.name, owner.home)


def program_environment(delivery: Delivery, user: str, home: Path) -> Mapping[str, str]:
    """Return the variables of a program: these and no others, nothing in them for a shell."""
    recipient, sender = delivery.recipient.forward_path, delivery.envelope.reverse_path
    values = {
        "USER": user,
        "LOGNAME": user,
        "EXTENSION": delivery.detail or "",
        "DOMAIN": recipient.domain.name,
        "LOCAL": recipient.local_part,
        "RECIPIENT": str(recipient),
        "ORIGINAL_RECIPIENT": original_to(delivery),
        "SENDER": str(sender) if sender else "MAILER-DAEMON",
    }
    safe = {name: safe_value(value) for name, value in values.items()}
    return {**safe, "HOME": str(home), "SHELL": "/bin/sh", "PATH": PATH}
