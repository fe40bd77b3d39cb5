# SPDX-License-Identifier: MIT
"""A mailbox that somebody else keeps: ``mailbox_transport``, ``mailbox_command``."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from homemail.config.expand import expand
from homemail.mda.command import Commands
from homemail.mda.owner import Job, Owner
from homemail.model.delivery import Deferred, Delivered, DeliveryResult, NeedsQueue, Rejected
from homemail.model.envelope import Envelope, Recipient
from homemail.model.message import MessageContent
from homemail.model.reply import Reply

HandOver = Callable[[Envelope, Recipient, MessageContent], Awaitable[Reply]]
"""Hand a message to the other mailbox server; the reply says what became of it."""


class OutsideMailbox:
    """Takes the place of the mailbox where the settings say so."""

    def __init__(self, owner: Owner, commands: Commands, hand_over: HandOver | None) -> None:
        self._owner = owner
        self._commands = commands
        self._hand_over = hand_over
        self._command = _for_shell(owner.settings.mailbox_command)

    def takes(self, *, has_script: Callable[[], bool]) -> bool:
        """Whether mail goes out of the house; ``has_script`` tells of the owner's own."""
        return self._hand_over is not None or (bool(self._command) and not has_script())

    async def deliver(self, job: Job) -> DeliveryResult:
        """Deliver there; only what comes from the queue, as it may take long."""
        if job.delivery.sender_waits:
            return NeedsQueue()
        if self._hand_over is not None:
            delivery = job.delivery
            # Without Delivered-To: the other server would take it for its own, and for a loop.
            reply = await self._hand_over(delivery.envelope, delivery.recipient, job.content)
            return _result(None if reply.positive else reply, "handed over")
        return _result(await self._commands.run(job, self._command), f"|{self._command}")


def _result(reply: Reply | None, what: str) -> DeliveryResult:
    if reply is None:
        return Delivered(what)
    return Deferred(reply) if reply.temporary else Rejected(reply)


def _for_shell(command: str) -> str:
    """Return the setting as the shell gets it: names stay, they are variables there."""
    return expand(command, lambda name: f"${{{name}}}")
