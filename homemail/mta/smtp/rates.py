# SPDX-License-Identifier: MIT
"""How often a client did something in a time (Postfix's anvil): counts that end with the time."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from enum import Enum

from homemail.config.declare import IpNetwork
from homemail.config.smtp import SmtpSettings
from homemail.log import Log
from homemail.model.session import Peer
from homemail.mta.policy.check import is_in

_log = Log("smtpd")


class Event(Enum):
    """What is counted; the value names the setting and stands in the log."""

    CONNECTION = "connection"
    MESSAGE = "message"
    RECIPIENT = "recipient"
    TLS = "new_tls_session"
    AUTH = "auth"


class ClientRates:
    """The counts of a house, over all its ports. ``trusted`` clients are not counted."""

    def __init__(
        self,
        settings: SmtpSettings,
        trusted: Sequence[IpNetwork],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._limits = {
            event: getattr(settings, f"smtpd_client_{event.value}_rate_limit") for event in Event
        }
        self._seconds = settings.anvil_rate_time_unit
        self._trusted = (*trusted, *settings.smtpd_client_event_limit_exceptions)
        self._clock = clock
        self._counts: dict[Event, Counter[str]] = {event: Counter() for event in Event}
        self._until = 0.0

    def is_trusted(self, peer: Peer) -> bool:
        """Whether nothing of this client is limited."""
        return is_in(peer, self._trusted)

    def is_over(self, event: Event, peer: Peer) -> bool:
        """Count an event; return whether the client had too many of it in this time."""
        limit = self._limits[event]
        if not limit or self.is_trusted(peer):
            return False
        now = self._clock()
        if now >= self._until:
            self._until = now + self._seconds
            for counts in self._counts.values():
                counts.clear()
        counts = self._counts[event]
        counts[peer.host] += 1
        if counts[peer.host] <= limit:
            return False
        if counts[peer.host] == limit + 1:
            _log.warning("rate limit exceeded", what=event.value, limit=limit, client=peer)
        return True
