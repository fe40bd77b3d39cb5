# SPDX-License-Identifier: MIT
"""What a table of aliases names beside addresses: programs and files of the whole house.

They are nobody's own, so they run and are written as the server's user, and not at all where that
is root.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from homemail.config.local import LocalSettings
from homemail.errors import MailError
from homemail.log import Log
from homemail.mda.append_file import append_mbox, drop_in_maildir
from homemail.mda.command import program_environment, program_input
from homemail.mda.final_fields import from_line, has_been_here, lf_lines, with_final_fields
from homemail.mda.program import Program, run_program
from homemail.model.address import AccountId
from homemail.model.delivery import (
    Deferred,
    Delivered,
    Delivery,
    DeliveryResult,
    Rejected,
    delivery_id,
)
from homemail.model.envelope import Envelope, Recipient
from homemail.model.message import MessageContent
from homemail.model.reply import Reply, reply_for

log = Log("mda")

_TROUBLE = Reply(451, "4.3.0", "Local trouble while delivering, try again later")
_AS_ROOT = Reply(451, "4.3.5", "Programs and files of aliases are not served by root")


def alias_delivery(recipient: Recipient, envelope: Envelope) -> Delivery:
    """Return the delivery to an alias, which is no account."""
    none = AccountId("")
    return Delivery(delivery_id(envelope, recipient), none, None, recipient, envelope)


def loop(delivery: Delivery, content: MessageContent) -> Rejected | None:
    """Return the refusal of a message that the alias had already."""
    if not has_been_here(delivery, content):
        return None
    recipient = delivery.recipient.forward_path
    return Rejected(Reply(554, "5.4.6", f"Mail forwarding loop for {recipient}"))


class AliasTargets:
    """Serves programs and files. Programs run in ``directory``."""

    def __init__(
        self,
        settings: LocalSettings,
        directory: Path,
        *,
        uid: int,
        may_serve: bool,
        now: Callable[[], datetime],
    ) -> None:
        self._settings = settings
        self._directory = directory
        self._uid = uid
        self._may_serve = may_serve
        self._now = now

    async def __call__(
        self, target: str, recipient: Recipient, envelope: Envelope, content: MessageContent
    ) -> DeliveryResult:
        if target == "/dev/null":
            return Delivered("thrown away")
        if not self._may_serve:
            return Deferred(_AS_ROOT)
        delivery = alias_delivery(recipient, envelope)
        try:
            refusal = loop(delivery, content)
            if refusal is not None:
                return refusal
            if target.startswith("|"):
                return await self._command(target[1:], delivery, content)
            await self._file(target, delivery, content)
            return Delivered(f"delivered to file: {target}")
        except MailError as error:
            log.warning("target failed", trace=envelope.trace, target=target, why=error.__cause__)
            reply = reply_for(error)
            return Rejected(reply) if reply.permanent else Deferred(reply)
        except Exception:
            log.exception("target failed", trace=envelope.trace, target=target)
            return Deferred(_TROUBLE)

    async def _command(
        self, command: str, delivery: Delivery, content: MessageContent
    ) -> DeliveryResult:
        settings = self._settings
        program = Program(
            command,
            program_environment(
                delivery, delivery.recipient.forward_path.local_part, self._directory
            ),
            self._directory,
            settings.command_time_limit,
            settings.command_memory_limit,
            settings.command_process_limit,
        )
        reply = await run_program(program, program_input(delivery, content, self._now()))
        log.info(
            "program ended",
            trace=delivery.envelope.trace,
            command=command,
            reply=reply or "took it",
        )
        if reply is None:
            return Delivered(f"delivered to command: {command}")
        return Rejected(reply) if reply.permanent else Deferred(reply)

    async def _file(self, target: str, delivery: Delivery, content: MessageContent) -> None:
        path = Path(target)
        dressed = with_final_fields(delivery, content)
        if target.endswith("/") or path.is_dir():
            await asyncio.to_thread(drop_in_maildir, path, path.parent, lambda: lf_lines(dressed))
            return
        first = from_line(delivery.envelope.reverse_path, self._now())
        await asyncio.to_thread(append_mbox, path, first, lambda: lf_lines(dressed), self._uid)
