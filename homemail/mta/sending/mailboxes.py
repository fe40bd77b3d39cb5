# SPDX-License-Identifier: MIT
"""``mailbox_transport``: mail for the accounts here, handed to another mailbox server."""

from __future__ import annotations

from homemail.errors import ConfigError
from homemail.mda.outside import HandOver
from homemail.model.envelope import Envelope, Recipient
from homemail.model.message import MessageContent
from homemail.model.reply import Reply
from homemail.mta.api import NextHop
from homemail.mta.next_hop import parse_next_hop
from homemail.mta.sending.transport import Transport


def mailbox_hop(setting: str) -> NextHop | None:
    """Return where ``setting`` hands messages to; None where it is empty.

    Raises:
        ConfigError: it cannot be read.
    """
    if not setting.strip():
        return None
    name, _, hop = setting.strip().partition(":")
    if name not in ("smtp", "lmtp") or not hop:
        text = f'expected "lmtp:host:port" or "smtp:host:port", got "{setting}"'
        raise ConfigError(text, parameter="mailbox_transport")
    try:
        return parse_next_hop(hop, name)
    except ValueError as error:
        raise ConfigError(str(error), parameter="mailbox_transport") from None


def hand_over_to(setting: str, transport: Transport) -> HandOver | None:
    """Return what hands a message to ``setting``; None where it is empty.

    Raises:
        ConfigError: it cannot be read.
    """
    next_hop = mailbox_hop(setting)
    if next_hop is None:
        return None

    async def hand_over(envelope: Envelope, recipient: Recipient, content: MessageContent) -> Reply:
        (sent,) = await transport(next_hop, envelope, (recipient,), content)
        return sent.reply

    return hand_over
