# SPDX-License-Identifier: MIT
"""Tickets: the proof of a login that a frontend shows to the owner's worker.

A ticket names no secret: it is ``EXPIRY.NONCE.MAC`` in hex, the MAC over account, expiry and nonce
under a key that only issuer and worker have. It is good once, for seconds.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Callable

from homemail.model.address import AccountId

LIFE_SECONDS = 30.0
_KEY_OCTETS = 32


class Tickets:
    """Issues and redeems. ``now`` is a clock in seconds that both sides share."""

    def __init__(self, now: Callable[[], float], key: bytes | None = None) -> None:
        self._now = now
        self._key = key or secrets.token_bytes(_KEY_OCTETS)
        self._used: dict[str, float] = {}

    def issue(self, account: AccountId) -> str:
        """Return a new ticket for ``account``."""
        head = f"{int((self._now() + LIFE_SECONDS) * 1000):x}.{secrets.token_hex(12)}"
        return f"{head}.{self._mac(head, account)}"

    def redeem(self, ticket: str, account: AccountId) -> bool:
        """Return whether ``ticket`` opens ``account`` now; the second time it does not."""
        head, _, mac = ticket.rpartition(".")
        expected = self._mac(head, account).encode()
        if not hmac.compare_digest(mac.encode("utf-8", "surrogatepass"), expected):
            return False
        now = self._now()
        expiry, _, nonce = head.partition(".")
        expires = int(expiry, 16) / 1000
        self._used = {used: until for used, until in self._used.items() if until > now}
        if expires <= now or nonce in self._used:
            return False
        self._used[nonce] = expires
        return True

    def _mac(self, head: str, account: AccountId) -> str:
        text = f"{head}\0{account}".encode("utf-8", "surrogatepass")
        return hmac.digest(self._key, text, "sha256").hex()
