# SPDX-License-Identifier: MIT
"""The wrapper of a transfer (RFC 5321 §2.3.1) and the one way to hand a message on."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, Flag, auto
from types import MappingProxyType
from typing import NewType, Protocol

from homemail.model.address import AccountId, Address, ReversePath
from homemail.model.message import MessageContent

TraceId = NewType("TraceId", str)
"""Given where a message enters; the queue id where there is one; stands on every log line."""

QueueId = NewType("QueueId", str)


class Notify(Flag):
    """When a notification is wanted (RFC 3461 §4.1)."""

    NEVER = 0
    SUCCESS = auto()
    FAILURE = auto()
    DELAY = auto()


class Ret(Enum):
    """How much of the message a failure notification returns (RFC 3461 §4.3)."""

    FULL = "FULL"
    HDRS = "HDRS"


class Body(Enum):
    """What MAIL said of the body (RFC 6152, RFC 3030)."""

    SEVEN_BIT = "7BIT"
    EIGHT_BIT = "8BITMIME"
    BINARY = "BINARYMIME"


class Origin(Enum):
    """The door a message came in by."""

    SMTP = "smtp"
    SUBMISSION = "submission"
    LMTP = "lmtp"
    LOCAL = "local"
    FETCH = "fetch"
    REDIRECT = "redirect"
    NOTIFICATION = "notification"


@dataclass(frozen=True, slots=True)
class OriginalRecipient:
    """ORCPT (RFC 3461 §4.2): ``address_type`` such as ``rfc822``, and the decoded text."""

    address_type: str
    text: str


@dataclass(frozen=True, slots=True)
class Recipient:
    """One RCPT, or one of those that it stands for.

    ``target`` is what a table of aliases names for ``forward_path`` where that is no address:
    ``|command``, ``/file``, ``:include:/list``, or ``:alias:`` for a list that has an owner.
    """

    forward_path: Address
    original: OriginalRecipient | None = None
    notify: Notify = Notify.FAILURE | Notify.DELAY
    target: str = ""


CONTENT_FILTER = "content_filter"
"""Key of ``Envelope.extra``: the ``transport:nexthop`` that all recipients go to (Postfix)."""

_NOTHING: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Envelope:
    """Who sends what kind of message to whom, and how it came here.

    ``submitter`` is the account that authenticated, if one did. ``extra`` carries what a later
    part adds and this one need not understand; unknown keys are kept.
    """

    reverse_path: ReversePath
    recipients: tuple[Recipient, ...]
    trace: TraceId
    origin: Origin
    ret: Ret | None = None
    envelope_id: str | None = None
    body: Body = Body.SEVEN_BIT
    utf8: bool = False
    submitter: AccountId | None = None
    parent: TraceId | None = None
    extra: Mapping[str, str] = field(default_factory=lambda: _NOTHING)


class Submit(Protocol):
    """Hand a message to the queue."""

    async def __call__(self, envelope: Envelope, content: MessageContent) -> QueueId:
        """Return the queue id; the message is on stable storage when this returns."""


_BASE = "0123456789BCDFGHJKLMNPQRSTVWXYZbcdfghjklmnpqrstvwxyz"  # no vowels: no words (Postfix)


def new_trace() -> TraceId:
    """Return a fresh trace: eleven letters of time (microseconds) and four of chance.

    Sorted as text they are in order of time.
    """
    number = (time.time_ns() // 1000 << 20) | (int.from_bytes(os.urandom(3), "big") & 0xFFFFF)
    letters = []
    while number:
        number, rest = divmod(number, len(_BASE))
        letters.append(_BASE[rest])
    return TraceId("".join(reversed(letters)))
