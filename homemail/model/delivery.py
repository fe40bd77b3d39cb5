# SPDX-License-Identifier: MIT
"""Final delivery to one account: what is asked of the owner's worker and what it answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from homemail.model.address import AccountId
from homemail.model.envelope import Envelope, Recipient
from homemail.model.message import MessageContent
from homemail.model.reply import Reply


@dataclass(frozen=True, slots=True)
class Delivery:
    """A message for one account.

    ``id`` is the same in every try for the same recipient of the same message, so that a repeated
    one joins the running or finished delivery instead of filing twice. ``detail`` is the ``ext``
    of ``user+ext``. ``sender_waits``: the client is on the line, so programs are not run now.
    ``alone``: no other recipient, so a refusal can be the reply to the message.
    """

    id: str
    account: AccountId
    detail: str | None
    recipient: Recipient
    envelope: Envelope
    sender_waits: bool = False
    alone: bool = False


def delivery_id(envelope: Envelope, recipient: Recipient) -> str:
    """Return the id of a message's delivery to ``recipient``: the same in every try for it."""
    path = recipient.forward_path
    return f"{envelope.trace}/{path.local_part}@{path.domain.name}{recipient.target}"


@dataclass(frozen=True, slots=True)
class Delivered:
    """Filed, forwarded, or done with as the owner wishes; durable. ``what`` is for the log."""

    what: str


@dataclass(frozen=True, slots=True)
class NeedsQueue:
    """Runs a program or takes long: bring it again from the queue."""


@dataclass(frozen=True, slots=True)
class Deferred:
    """Not now: ``reply`` is 4xx."""

    reply: Reply


@dataclass(frozen=True, slots=True)
class Rejected:
    """Never: ``reply`` is 5xx."""

    reply: Reply


DeliveryResult = Delivered | NeedsQueue | Deferred | Rejected


class Deliver(Protocol):
    """The door from the other roles to a worker, for mail that comes in."""

    async def __call__(self, delivery: Delivery, content: MessageContent) -> DeliveryResult:
        """Return what became of it; raises nothing but ``CancelledError``."""
