# SPDX-License-Identifier: MIT
"""Who has failed to log in waits before the next try; who fails on and on is locked out.

Waits come before a try, not after it: a person's first slip costs nothing, and a guesser cannot
get around them by hanging up. Waits by client address follow one another; the one by name (which
anybody can cause) is only as long as the longest wait. On this machine's own address, where a
webmail program speaks for everybody, each name has its own count.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Awaitable, Callable

from homemail.auth.failures import Failures, Patience
from homemail.model.address import account_id
from homemail.model.session import Peer

# Above this many failures of a name, from wherever, a remembered password opens no short cut:
# else it could be guessed at full speed.
_SHORT_CUT_FAILURES = 10
_LONGEST_QUEUE = 2  # times the longest wait; who would wait longer is sent away


class Gate:
    """Counts failures and lets tries in when their time has come. ``now`` is monotonic."""

    def __init__(
        self,
        patience: Patience,
        now: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]],
    ) -> None:
        self._patience = patience
        self._now = now
        self._sleep = sleep
        self._by_client = Failures(patience)
        self._by_name = Failures(patience)

    async def enter(self, name: str, peer: Peer, *, remembered: bool = False) -> bool:
        """Wait for this try's turn; False where it is not to be made at all.

        ``remembered``: the password was found right a short time ago.
        """
        now, name = self._now(), account_id(name)
        if remembered and self._by_name.count(name, now) < _SHORT_CUT_FAILURES:
            return True
        client = _client_key(peer, name)
        if self._by_client.locked_out(client, now):
            return False
        if self._by_client.wait(client, now) > self._patience.longest * _LONGEST_QUEUE:
            return False
        wait = max(self._by_client.take_turn(client, now), self._by_name.wait(name, now))
        if wait > 0:
            await self._sleep(wait)
        return True

    def failed(self, name: str, peer: Peer, attempt: bytes) -> bool:
        """Count a wrong password; True when the client is locked out from now on."""
        now, name = self._now(), account_id(name)
        client = _client_key(peer, name)
        was_out = self._by_client.locked_out(client, now)
        self._by_client.failed(client, attempt, now)
        self._by_name.failed(name, attempt, now)
        return self._by_client.locked_out(client, now) and not was_out

    def passed(self, name: str, peer: Peer) -> None:
        """Forget what was counted: somebody here knows the password."""
        folded = account_id(name)
        self._by_client.forget(_client_key(peer, folded))
        self._by_name.forget(folded)


def _client_key(peer: Peer, name: str) -> str:
    """Return what a client's failures are counted under: one household is one IPv6 /64."""
    if peer.is_loopback:
        return f"loopback {name}"
    try:
        address = ipaddress.ip_address(peer.host.partition("%")[0])
    except ValueError:
        return peer.host
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is None:
        return str(ipaddress.ip_network((address, 64), strict=False))
    return str(getattr(address, "ipv4_mapped", None) or address)
