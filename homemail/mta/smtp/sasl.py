# SPDX-License-Identifier: MIT
"""The dialogue of AUTH: base64 lines around a SASL exchange (RFC 4954 §4)."""

from __future__ import annotations

import binascii
from typing import assert_never

from homemail.auth.api import Authenticated, Authenticator, Challenge, Denied, SaslExchange
from homemail.log import Log
from homemail.model.address import AccountId
from homemail.model.reply import Reply
from homemail.model.session import ChannelFacts

_log = Log("smtpd")


class Dialogue:
    """One AUTH command; ``account`` is set when it has succeeded."""

    def __init__(self, exchange: SaslExchange, channel: ChannelFacts) -> None:
        self.account: AccountId | None = None
        self._exchange = exchange
        self._channel = channel
        self._proven: Authenticated | None = None

    @classmethod
    def begin(
        cls, argument: str, authenticator: Authenticator, channel: ChannelFacts
    ) -> tuple[Dialogue, bytes | None] | Reply:
        """Return the dialogue and its first line (SASL-IR), or the reply that refuses AUTH."""
        words = argument.split()
        if not 1 <= len(words) <= 2:
            return Reply(501, "5.5.4", "Syntax: AUTH mechanism [initial-response]")
        exchange = authenticator.begin(words[0].upper(), channel)
        if exchange is None and not channel.is_private:
            return Reply(538, "5.7.11", "Encryption required for requested mechanism")
        if exchange is None:
            return Reply(504, "5.5.4", "Unrecognized authentication type")
        return cls(exchange, channel), words[1].encode() if len(words) == 2 else None

    async def line(self, line: bytes | None) -> Reply:
        """Return the reply to the client's next line; 334 wants another. None: there was none."""
        if line == b"*":
            return Reply(501, "5.7.0", "Authentication aborted")
        if self._proven is not None:
            return self._succeed(self._proven)
        response = None if line is None else _decode(line)
        if line is not None and response is None:
            return Reply(501, "5.5.2", "Invalid base64 data")
        step = await self._exchange.step(response)
        match step:
            case Challenge(octets):
                return _challenge(octets)
            case Authenticated():
                if not step.final:
                    return self._succeed(step)
                self._proven = step  # the client answers the last octets with an empty line
                return _challenge(step.final)
            case Denied():
                return self._deny(step)
            case _:
                assert_never(step)

    def _succeed(self, proven: Authenticated) -> Reply:
        self.account = proven.account.id
        _log.info(
            "authenticated",
            client=self._channel.peer,
            user=self.account,
            mechanism=proven.mechanism,
        )
        return Reply(235, "2.7.0", "Authentication successful")

    def _deny(self, denied: Denied) -> Reply:
        _log.warning("authentication failed", client=self._channel.peer, why=denied.code)
        if denied.temporary:
            return Reply(454, "4.7.0", "Temporary authentication failure")
        return Reply(535, "5.7.8", "Error: authentication failed")


def _challenge(octets: bytes) -> Reply:
    return Reply(334, "", binascii.b2a_base64(octets, newline=False).decode())


def _decode(line: bytes) -> bytes | None:
    """Return what the base64 in ``line`` stands for; a lone ``=`` is the empty response."""
    if line == b"=":
        return b""
    try:
        return binascii.a2b_base64(line, strict_mode=True)
    except binascii.Error:
        return None
