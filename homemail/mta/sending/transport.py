# SPDX-License-Identifier: MIT
"""The contract of transports: what takes a message on to its next hop."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from homemail.model.envelope import Envelope, Recipient
from homemail.model.message import MessageContent
from homemail.model.reply import Reply
from homemail.mta.api import NextHop


@dataclass(frozen=True, slots=True)
class Sent:
    """What became of one recipient.

    ``relay`` is the host that answered, as ``name[address]:port``; empty where the reply is ours.
    ``dsn``: the next hop took over the notifications. ``unreachable``: the destination as a whole
    is in trouble, so others bound there need not try now.
    """

    reply: Reply
    relay: str = ""
    dsn: bool = False
    unreachable: bool = False


class Transport(Protocol):
    """Hands a message on."""

    async def __call__(
        self,
        next_hop: NextHop,
        envelope: Envelope,
        recipients: tuple[Recipient, ...],
        content: MessageContent,
    ) -> tuple[Sent, ...]:
        """Return what became of each recipient, in order; failures are values, not exceptions."""
