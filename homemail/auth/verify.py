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
from typing import TypeVar

from homemail.auth import pam
from homemail.auth.schemes import cheapest_first, new_secrets, verify
from homemail.auth.secret import scheme_of
from homemail.model.address import AccountId

T = TypeVar("T")

_MOST_REMEMBERED = 10_000
_PASSWORD_OCTETS = 1024
_COSTLY = ("ARGON2", "SCRAM-", "BLF-CRYPT", "PBKDF2")


class Verifier:
    """Compares passwords with secrets. ``remember`` is in seconds."""

    def __init__(self, executor: Executor, now: Callable[[], float], remember: float) -> None:
        self._executor = executor
        self._now = now
        self._remember = remember
        self._key = random.token_bytes(32)
        self._remembered: OrderedDict[bytes, tuple[float, bytes, str]] = OrderedDict()
        self._nobody: tuple[str, ...] = ()

    def digest(self, *parts: str | bytes) -> bytes:
        """Return a keyed digest of ``parts`` that tells nothing about them."""
        text = [
            part if isinstance(part, bytes) else part.encode("utf-8", "surrogatepass")
            for part in parts
        ]
        framed = b"".join(len(part).to_bytes(4, "big") + part for part in text)
        return hmac.digest(self._key, framed, "sha256")

    def remembered(self, account: AccountId, secrets: Sequence[str], password: bytes) -> str | None:
        """Return the secret that matched a short time ago, when ``secrets`` were the same."""
        known = self._remembered.get(self.digest(account, password))
        if known is None or not secrets:
            return None
        until, made_of, matched = known
        if until > self._now() and hmac.compare_digest(made_of, self.digest(*secrets)):
            return matched
        return None

    async def check(
        self, account: AccountId, secrets: Sequence[str], password: bytes
    ) -> str | None:
        """Return which of ``secrets`` the password matches; with none it takes as long."""
        if matched := self.remembered(account, secrets, password):
            return matched
        matched = await self.run(self._verify, tuple(secrets), password)
        # What PAM checks can change without our noticing.
        if matched and self._remember > 0 and scheme_of(matched) != pam.SCHEME:
            key = self.digest(account, password)
            self._remembered[key] = (self._now() + self._remember, self.digest(*secrets), matched)
            self._remembered.move_to_end(key)
            if len(self._remembered) > _MOST_REMEMBERED:
                self._remembered.popitem(last=False)
        return matched

    async def run(self, function: Callable[..., T], *arguments: object) -> T:
        """Run ``function`` in one of the threads."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._executor, function, *arguments)

    def _verify(self, secrets: tuple[str, ...], password: bytes) -> str | None:
        """Run in a thread."""
        if not self._nobody:
            self._nobody = new_secrets(random.token_hex(16))
        if len(password) <= _PASSWORD_OCTETS:
            for secret in cheapest_first(secrets):
                if verify(secret, password):
                    return secret
        if not any(scheme_of(secret).startswith(_COSTLY) for secret in secrets):
            # Nobody, or an account whose hash is fast: both take as long as a new account's.
            for secret in self._nobody:
                verify(secret, password[:_PASSWORD_OCTETS])
        return None
