# SPDX-License-Identifier: MIT
"""What waits to be delivered."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import NewType

from homemail.model.envelope import Envelope, Notify, QueueId, Recipient
from homemail.model.reply import Reply

LineTime = NewType("LineTime", float)
"""Seconds of a persisted monotonic clock that runs only while the destination's line is up."""


class RecipientStatus(Enum):
    """What has become of one recipient."""

    PENDING = "pending"
    DELIVERED = "delivered"
    RELAYED = "relayed"
    EXPANDED = "expanded"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class QueuedRecipient:
    """A recipient, what became of it, what was said last, who was told already.

    ``relay`` is the host that said ``last_reply``, as ``name[address]:port``; without it the
    words are our own.
    """

    recipient: Recipient
    status: RecipientStatus = RecipientStatus.PENDING
    last_reply: Reply | None = None
    notified: Notify = Notify.NEVER
    relay: str = ""

    @property
    def reason(self) -> str:
        """What was said last, in one line for people; empty when nothing was."""
        if self.last_reply is None:
            return ""
        if self.relay:
            return f"host {self.relay} said: {self.last_reply}"
        return " ".join(self.last_reply.text.split("\n"))


class QueueState(Enum):
    """Where an entry stands (Postfix's queues).

    DORMANT is ours: written before a delivery inside the SMTP transaction, made active or dropped
    when that ends; after a crash it becomes active.
    """

    DORMANT = "dormant"
    INCOMING = "incoming"
    ACTIVE = "active"
    DEFERRED = "deferred"
    HOLD = "hold"
    CORRUPT = "corrupt"


@dataclass(frozen=True, slots=True)
class QueueEntry:
    """One message with its recipients. ``size`` is in octets; ages and times are ``LineTime``."""

    id: QueueId
    envelope: Envelope
    recipients: tuple[QueuedRecipient, ...]
    state: QueueState
    size: int
    received_at: datetime
    age: LineTime = LineTime(0.0)
    attempts: int = 0
    next_attempt: LineTime = LineTime(0.0)

    @property
    def pending(self) -> tuple[QueuedRecipient, ...]:
        return tuple(r for r in self.recipients if r.status is RecipientStatus.PENDING)
