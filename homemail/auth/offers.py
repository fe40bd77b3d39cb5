# SPDX-License-Identifier: MIT
"""Which mechanisms a connection is offered. No IO."""

from __future__ import annotations

from dataclasses import dataclass
from typing import assert_never

from homemail.auth.sasl import MECHANISMS
from homemail.auth.sasl.dialogue import Mechanism, Shows
from homemail.model.session import ChannelFacts


@dataclass(frozen=True, slots=True)
class Offers:
    """What the settings allow: mechanisms by name, passwords without TLS, access tokens."""

    allowed: tuple[str, ...]
    cleartext: bool
    tokens: bool

    def may_show_password(self, channel: ChannelFacts) -> bool:
        """Return whether a client may send a password, or a token that is as good as one."""
        return not channel.is_too_open and (channel.is_private or self.cleartext)

    def on(self, channel: ChannelFacts, schemes: frozenset[str]) -> tuple[Mechanism, ...]:
        """Return the mechanisms for ``channel``; every account has a secret of ``schemes``."""
        if channel.is_too_open:
            return ()
        return tuple(
            mechanism
            for mechanism in MECHANISMS.values()
            if mechanism.name in self.allowed and self._fits(mechanism, channel, schemes)
        )

    def _fits(self, mechanism: Mechanism, channel: ChannelFacts, schemes: frozenset[str]) -> bool:
        match mechanism.shows:
            case Shows.PASSWORD:
                return self.may_show_password(channel)
            case Shows.TOKEN:
                return self.tokens and self.may_show_password(channel)
            case Shows.CERTIFICATE:
                return channel.tls is not None and bool(channel.tls.client_names)
            case Shows.PROOF:
                can_bind = channel.tls is not None and bool(channel.tls.bindings)
                return mechanism.scheme in schemes and (can_bind or not mechanism.binds)
            case _:
                assert_never(mechanism.shows)
