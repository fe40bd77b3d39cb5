# SPDX-License-Identifier: MIT
"""Checking passwords: in a few threads, and not twice within minutes.

A password that was right is remembered as an HMAC under a key of the process, together with the
account's secrets, so a change of these forgets it. An account that is not there costs the same
time as a wrong password.
"""

from __future__ import annotations

import asyncio
import hmac
import secrets as random
from collections import OrderedDict
from collections.abc import Callable, Sequence
from concurrent.futures import Executor

from homemail.auth.schemes import cheapest_first, new_secrets, verify
from homemail.model.address import AccountId

_MOST_REMEMBERED = 10_000
_PASSWORD_OCTETS = 1024


class Verifier:
    """Compares passwords with secrets. ``remember`` is in seconds."""

    def __init__(self, executor: Executor, now: Callable[[], float], remember: float) -> None:
        self._executor = executor
        self._now = now
        self._remember = remember
        self._key = random.token_bytes(32)
        self._remembered: OrderedDict[bytes, tuple[float, bytes]] = OrderedDict()
        self._nobody: tuple[str, ...] = ()

    def digest(self, *parts: str | bytes) -> bytes:
        """Return a keyed digest of ``parts`` that tells nothing about them."""
        text = [
            part if isinstance(part, bytes) else part.encode("utf-8", "surrogatepass")
            for part in parts
        ]
        framed = b"".join(len(part).to_bytes(4, "big") + part for part in text)
        return hmac.digest(self._key, framed, "sha256")

    def remembers(self, account: AccountId, secrets: Sequence[str], password: bytes) -> bool:
        """Return whether this was found right a short time ago, with the same secrets."""
        known = self._remembered.get(self.digest(account, password))
        if known is None or not secrets:
            return False
        until, made_of = known
        return until > self._now() and hmac.compare_digest(made_of, self.digest(*secrets))

    async def check(self, account: AccountId, secrets: Sequence[str], password: bytes) -> bool:
        """Return whether ``password`` matches one of ``secrets``; with none it takes as long."""
        if self.remembers(account, secrets, password):
            return True
        if not await self._run(tuple(secrets), password):
            return False
        if self._remember > 0:
            key = self.digest(account, password)
            self._remembered[key] = (self._now() + self._remember, self.digest(*secrets))
            self._remembered.move_to_end(key)
            if len(self._remembered) > _MOST_REMEMBERED:
                self._remembered.popitem(last=False)
        return True

    async def _run(self, secrets: tuple[str, ...], password: bytes) -> bool:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._executor, self._verify, secrets, password)

    def _verify(self, secrets: tuple[str, ...], password: bytes) -> bool:
        """Run in a thread."""
        if not self._nobody:
            self._nobody = new_secrets(random.token_hex(16))
        if secrets and len(password) <= _PASSWORD_OCTETS:
            return any(verify(secret, password) for secret in cheapest_first(secrets))
        for secret in self._nobody:
            verify(secret, password[:_PASSWORD_OCTETS])
        return False
