# SPDX-License-Identifier: MIT
"""Transports that send nothing: ``error`` and ``retry`` refuse with a text, ``discard`` forgets."""

from __future__ import annotations

import re

from homemail.model.envelope import Envelope, Recipient
from homemail.model.message import MessageContent
from homemail.model.reply import Reply
from homemail.mta.api import NextHop
from homemail.mta.sending.transport import Sent

_STATUS = re.compile(r"([245])\.\d{1,3}\.\d{1,3}(?=\s|$)\s*")


async def refuse(
    next_hop: NextHop,
    envelope: Envelope,
    recipients: tuple[Recipient, ...],
    content: MessageContent,
) -> tuple[Sent, ...]:
    """Fail for good: the next hop is the text, with a status of RFC 3463 in front if it likes."""
    return _all(recipients, _reply(550, "5.0.0", next_hop.host))


async def put_off(
    next_hop: NextHop,
    envelope: Envelope,
    recipients: tuple[Recipient, ...],
    content: MessageContent,
) -> tuple[Sent, ...]:
    """As ``refuse``, for now."""
    return _all(recipients, _reply(450, "4.0.0", next_hop.host))


async def discard(
    next_hop: NextHop,
    envelope: Envelope,
    recipients: tuple[Recipient, ...],
    content: MessageContent,
) -> tuple[Sent, ...]:
    """Take the message and forget it; the next hop is the text in the log."""
    return _all(recipients, _reply(250, "2.0.0", next_hop.host))


FIXED = {"error": refuse, "retry": put_off, "discard": discard}


def refusal(next_hop: NextHop) -> Reply | None:
    """Return what ``error`` and ``retry`` say, so that RCPT can say it; None for the others."""
    if next_hop.transport == "error":
        return _reply(550, "5.0.0", next_hop.host)
    return _reply(450, "4.0.0", next_hop.host) if next_hop.transport == "retry" else None


def _all(recipients: tuple[Recipient, ...], reply: Reply) -> tuple[Sent, ...]:
    return (Sent(reply),) * len(recipients)


def _reply(code: int, status: str, text: str) -> Reply:
    match = _STATUS.match(text)
    if match and match[1] == status[0]:
        return Reply(code, match[0].strip(), text[match.end() :] or "no reason given")
    return Reply(code, status, text)
