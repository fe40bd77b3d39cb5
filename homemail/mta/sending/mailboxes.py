# SPDX-License-Identifier: MIT
"""``mailbox_transport``: mail for the accounts here, handed to another mailbox server."""

from __future__ import annotations

from homemail.errors import ConfigError
from homemail.mda.outside import HandOver
from homemail.model.envelope import Envelope, Recipient
from homemail.model.message import MessageContent
from homemail.model.reply import Reply
from homemail.mta.next_hop import parse_next_hop
from homemail.mta.sending.transport import Transport


def hand_over_to(setting: str, transport: Transport) -> HandOver | None:
    """Return what hands a message to ``setting``; None where it is empty.

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
        next_hop = parse_next_hop(hop, name)
    except ValueError as error:
        raise ConfigError(str(error), parameter="mailbox_transport") from None

    async def hand_over(envelope: Envelope, recipient: Recipient, content: MessageContent) -> Reply:
        (sent,) = await transport(next_hop, envelope, (recipient,), content)
        return sent.reply

    return hand_over
