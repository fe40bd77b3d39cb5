# SPDX-License-Identifier: MIT
"""The authenticator: drives mechanisms, checks passwords, makes guessing slow, issues tickets."""

from __future__ import annotations

import asyncio
import base64
import secrets as random
import time
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from functools import partial
from typing import assert_never

from homemail.auth.api import Account, Accounts, Authenticated, Denied
from homemail.auth.exchange import UNAVAILABLE, Exchange, trouble
from homemail.auth.failures import Patience
from homemail.auth.gate import Gate
from homemail.auth.report import report_failure, report_success
from homemail.auth.sasl import MECHANISMS
from homemail.auth.sasl.dialogue import Claim, Failed, Mechanism, Outcome, Proven, Recall
from homemail.auth.schemes import scram_verifier
from homemail.auth.scram_verifier import ITERATIONS, ScramVerifier
from homemail.auth.tickets import Tickets
from homemail.auth.verify import Verifier
from homemail.config.auth import AuthSettings
from homemail.model.address import AccountId
from homemail.model.session import ChannelFacts

_NAME_LETTERS = 512
_NOBODY = AccountId("")

FAILED = Denied("Authentication failed")
NOT_PRIVATE = Denied("A password may only be sent under TLS", code="PRIVACYREQUIRED")
NOT_PERMITTED = Denied("You may not act for this user", code="AUTHORIZATIONFAILED")


class LocalAuthenticator:
    """Fulfils ``auth.api.Authenticator`` from ``accounts``.

    ``now`` is a monotonic clock in seconds; ``executor`` runs the hashes (else threads of its own,
    ended by ``close``).
    """

    def __init__(
        self,
        accounts: Accounts,
        settings: AuthSettings,
        *,
        now: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        executor: Executor | None = None,
    ) -> None:
        self._accounts = accounts
        self._settings = settings
        self._own_executor: ThreadPoolExecutor | None = None
        if executor is None:
            threads = settings.auth_worker_threads
            executor = self._own_executor = ThreadPoolExecutor(threads, thread_name_prefix="auth")
        self._verifier = Verifier(executor, now, settings.auth_cache_time)
        self._tickets = Tickets(now)
        self._gate = Gate(
            Patience(
                settings.auth_failure_delay,
                settings.auth_failure_delay_max,
                settings.auth_failure_memory,
                settings.auth_max_failures,
            ),
            now,
            sleep,
        )

    def mechanisms(self, channel: ChannelFacts) -> tuple[str, ...]:
        schemes = self._accounts.common_schemes()
        return tuple(
            mechanism.name
            for mechanism in MECHANISMS.values()
            if self._offers(mechanism, channel, schemes)
        )

    def begin(self, mechanism: str, channel: ChannelFacts) -> Exchange | None:
        known = MECHANISMS.get(mechanism.upper())
        schemes = self._accounts.common_schemes()
        if known is None or not self._offers(known, channel, schemes):
            return None
        recollect, conclude = partial(self._recollect, channel), partial(self._conclude, channel)
        return Exchange(known, _nonce, recollect, conclude)

    async def login(
        self, name: str, password: bytes, channel: ChannelFacts
    ) -> Authenticated | Denied:
        if not self._may_show_password(channel):
            return NOT_PRIVATE
        try:
            return await self._check(channel, "PLAIN", Claim(name, password))
        except Exception as error:
            return trouble(error)

    def redeem(self, ticket: str, account: AccountId) -> bool:
        """Return whether ``ticket`` opens ``account``: the worker's side of a login, once."""
        return self._tickets.redeem(ticket, account)

    def close(self) -> None:
        """End the threads; checks that were begun are finished, their answers dropped."""
        if self._own_executor is not None:
            self._own_executor.shutdown(wait=False, cancel_futures=True)

    def _may_show_password(self, channel: ChannelFacts) -> bool:
        return channel.is_private or self._settings.auth_allow_cleartext

    def _offers(self, mechanism: Mechanism, channel: ChannelFacts, schemes: frozenset[str]) -> bool:
        if mechanism.is_cleartext:
            return self._may_show_password(channel)
        return mechanism.scheme in schemes

    async def _recollect(self, channel: ChannelFacts, recall: Recall) -> ScramVerifier | Denied:
        """Return the verifier for SCRAM, when the client's turn has come."""
        name = recall.name[:_NAME_LETTERS]
        if not await self._gate.enter(name, channel.peer):
            return self._refuse(channel, recall.scheme, name)
        _, secrets = await self._recall(name)
        found = (scram_verifier(secret, recall.scheme) for secret in secrets)
        return next((known for known in found if known), None) or self._made_up(name)

    async def _conclude(
        self, channel: ChannelFacts, mechanism: Mechanism, outcome: Outcome
    ) -> Authenticated | Denied:
        match outcome:
            case Claim():
                return await self._check(channel, mechanism.name, outcome)
            case Proven():
                account = await self._accounts.find(outcome.name)
                if account is None or not account.enabled:
                    return self._failed(channel, mechanism.name, outcome.name, _nonce().encode())
                return await self._admit(channel, mechanism.name, outcome, account, outcome.final)
            case Failed():
                return self._failed(channel, mechanism.name, outcome.name, _nonce().encode())
            case _:
                assert_never(outcome)

    async def _check(
        self, channel: ChannelFacts, mechanism: str, claim: Claim
    ) -> Authenticated | Denied:
        name = claim.name[:_NAME_LETTERS]
        account, secrets = await self._recall(name)
        remembered = account is not None and self._verifier.remembers(
            account.id, secrets, claim.password
        )
        if not await self._gate.enter(name, channel.peer, remembered=remembered):
            return self._refuse(channel, mechanism, name)
        account, secrets = await self._recall(name)  # they may have changed during the wait
        owner = account.id if account else _NOBODY
        proven = await self._verifier.check(owner, secrets, claim.password)
        if account is None or not proven:
            attempt = self._verifier.digest(name, claim.password)
            return self._failed(channel, mechanism, name, attempt)
        return await self._admit(channel, mechanism, claim, account)

    async def _recall(self, name: str) -> tuple[Account | None, Sequence[str]]:
        """Return the account and its secrets; there is nobody whose name is cut."""
        account = await self._accounts.find(name) if len(name) < _NAME_LETTERS else None
        return account, await self._accounts.secrets(account.id) if account else ()

    async def _admit(
        self,
        channel: ChannelFacts,
        mechanism: str,
        shown: Claim | Proven,
        account: Account,
        final: bytes = b"",
    ) -> Authenticated | Denied:
        self._gate.passed(shown.name, channel.peer)
        if shown.authzid:
            other = await self._accounts.find(shown.authzid)
            if other is None or other.id != account.id:
                return NOT_PERMITTED
        report_success(account, mechanism, channel)
        return Authenticated(account, self._tickets.issue(account.id), mechanism, final)

    def _failed(self, channel: ChannelFacts, mechanism: str, name: str, attempt: bytes) -> Denied:
        locked_out = self._gate.failed(name, channel.peer, attempt)
        report_failure(name, mechanism, channel, "too many failures" if locked_out else "no match")
        return FAILED

    def _refuse(self, channel: ChannelFacts, mechanism: str, name: str) -> Denied:
        report_failure(name, mechanism, channel, "locked out")
        return UNAVAILABLE

    def _made_up(self, name: str) -> ScramVerifier:
        """Return the verifier of nobody: the same salt each time, as a real one has."""
        salt = self._verifier.digest("salt", name)[:16]
        return ScramVerifier("sha256", ITERATIONS, salt, random.token_bytes(32), b"")


def _nonce() -> str:
    return base64.b64encode(random.token_bytes(18)).decode()
