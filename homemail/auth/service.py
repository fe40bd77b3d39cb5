# SPDX-License-Identifier: MIT
"""The authenticator: drives mechanisms, checks passwords, makes guessing slow, issues tickets."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import secrets as random
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from functools import partial
from typing import assert_never

from homemail.auth.api import Account, Accounts, Authenticated, Denied
from homemail.auth.exchange import UNAVAILABLE, Exchange, trouble
from homemail.auth.failures import Patience
from homemail.auth.gate import Gate
from homemail.auth.offers import Offers
from homemail.auth.report import report_failure, report_success
from homemail.auth.sasl import MECHANISMS
from homemail.auth.sasl.cram_md5 import apop_digest
from homemail.auth.sasl.dialogue import (
    Answer,
    AskToken,
    Claim,
    Failed,
    Outcome,
    Proven,
    Question,
    Recall,
    RecallPassword,
    Scene,
)
from homemail.auth.schemes import is_weak, new_secrets, plain_password, scram_verifier
from homemail.auth.scram_verifier import ITERATIONS, ScramVerifier
from homemail.auth.tickets import Tickets
from homemail.auth.tokens import TokenServer
from homemail.auth.verify import Verifier
from homemail.config.auth import AuthSettings
from homemail.errors import MailError, Permanent
from homemail.log import Log
from homemail.model.address import AccountId, account_id
from homemail.model.session import ChannelFacts

log = Log("auth")

_NAME_LETTERS = 512
_NOBODY = AccountId("")

FAILED = Denied("Authentication failed")
NOT_PRIVATE = Denied("A password may only be sent under TLS", code="PRIVACYREQUIRED")
NOT_PERMITTED = Denied("You may not act for this user", code="AUTHORIZATIONFAILED")


class LocalAuthenticator:
    """Fulfils ``auth.api.Authenticator`` from ``accounts``.

    ``now`` is a monotonic clock in seconds; ``executor`` runs the hashes (else threads of its own,
    ended by ``close``). ``server_name`` stands in challenges. ``note_use`` is told of each login
    with the password of one program: account, label, client's address; it is called in a thread.
    """

    def __init__(
        self,
        accounts: Accounts,
        settings: AuthSettings,
        *,
        now: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        executor: Executor | None = None,
        server_name: str = "localhost",
        note_use: Callable[[AccountId, str, str], None] | None = None,
    ) -> None:
        self._accounts = accounts
        self._settings = settings
        self._server_name = server_name
        self._note_use = note_use
        asks_tokens = settings.oauth_introspection_url or settings.oauth_jwks_url
        self._tokens = TokenServer(settings) if asks_tokens else None
        self._offers = Offers(
            settings.auth_mechanisms, settings.auth_allow_cleartext, bool(asks_tokens)
        )
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
        return tuple(
            mechanism.name
            for mechanism in self._offers.on(channel, self._accounts.common_schemes())
        )

    def begin(self, mechanism: str, channel: ChannelFacts) -> Exchange | None:
        offered = self._offers.on(channel, self._accounts.common_schemes())
        known = MECHANISMS.get(mechanism.upper())
        if known is None or known not in offered:
            return None
        scene = Scene(
            _nonce,
            host=self._server_name,
            bindings=channel.tls.bindings if channel.tls else {},
            binding_offered=any(one.binds for one in offered),
            client_names=channel.tls.client_names if channel.tls else (),
        )
        inform, conclude = partial(self._inform, channel), partial(self._conclude, channel)
        return Exchange(known, scene, inform, conclude)

    async def login(
        self, name: str, password: bytes, channel: ChannelFacts
    ) -> Authenticated | Denied:
        if not self._offers.may_show_password(channel):
            return NOT_PRIVATE
        try:
            return await self._check(channel, "PLAIN", Claim(name, password))
        except Exception as error:
            return trouble(error)

    def apop_timestamp(self, channel: ChannelFacts) -> str | None:
        if channel.is_too_open or "APOP" not in self._settings.auth_mechanisms:
            return None
        if "PLAIN" not in self._accounts.stored_schemes():
            return None
        return f"<{_nonce().encode().hex()}@{self._server_name}>"

    async def apop(
        self, name: str, digest: str, timestamp: str, channel: ChannelFacts
    ) -> Authenticated | Denied:
        try:
            password = await self._password(channel, "APOP", name)
            if isinstance(password, Denied):
                return password
            expected = apop_digest(timestamp, password)
            is_right = hmac.compare_digest(expected.encode(), digest.lower().encode())
            return await self._conclude(channel, "APOP", Proven(name) if is_right else Failed(name))
        except Exception as error:
            return trouble(error)

    def redeem(self, ticket: str, account: AccountId) -> bool:
        """Return whether ``ticket`` opens ``account``: the worker's side of a login, once."""
        return self._tickets.redeem(ticket, account)

    def close(self) -> None:
        """End the threads; checks that were begun are finished, their answers dropped."""
        if self._own_executor is not None:
            self._own_executor.shutdown(wait=False, cancel_futures=True)

    async def _inform(
        self, channel: ChannelFacts, mechanism: str, question: Question
    ) -> Answer | Denied:
        match question:
            case Recall():
                return await self._recollect(channel, mechanism, question)
            case RecallPassword():
                return await self._password(channel, mechanism, question.name)
            case AskToken():
                return await self._owner_of(channel, mechanism, question.token)
            case _:
                assert_never(question)

    async def _recollect(
        self, channel: ChannelFacts, mechanism: str, recall: Recall
    ) -> ScramVerifier | Denied:
        """Return the verifier for SCRAM, when the client's turn has come."""
        name = recall.name[:_NAME_LETTERS]
        if not await self._gate.enter(name, channel.peer):
            return self._refuse(channel, mechanism, name)
        _, secrets = await self._recall(name)
        found = (scram_verifier(secret, recall.scheme) for secret in secrets)
        known = next((verifier for verifier in found if verifier), None)
        return known or self._made_up(name, recall.scheme)

    async def _password(self, channel: ChannelFacts, mechanism: str, name: str) -> bytes | Denied:
        """Return a password that is stored as it is, when the client's turn has come."""
        name = name[:_NAME_LETTERS]
        if not await self._gate.enter(name, channel.peer):
            return self._refuse(channel, mechanism, name)
        _, secrets = await self._recall(name)
        return plain_password(secrets) or _nonce().encode()

    async def _owner_of(self, channel: ChannelFacts, mechanism: str, token: str) -> str | Denied:
        """Return whose access token this is, when the client's turn has come."""
        # Nobody has named himself yet, so that he waits for his own mistakes only.
        if not await self._gate.enter(f"[{channel.peer.host}]", channel.peer):
            return self._refuse(channel, mechanism, "")
        return await self._tokens.name_of(token) if self._tokens else ""

    async def _conclude(
        self, channel: ChannelFacts, mechanism: str, outcome: Outcome
    ) -> Authenticated | Denied:
        match outcome:
            case Claim():
                return await self._check(channel, mechanism, outcome)
            case Proven():
                account, _ = await self._recall(outcome.name)
                if account is None or not account.enabled:
                    return self._failed(channel, mechanism, outcome.name, _nonce().encode())
                return await self._admit(channel, mechanism, outcome, account, outcome.final)
            case Failed():
                return self._failed(channel, mechanism, outcome.name, _nonce().encode())
            case _:
                assert_never(outcome)

    async def _check(
        self, channel: ChannelFacts, mechanism: str, claim: Claim
    ) -> Authenticated | Denied:
        name = claim.name[:_NAME_LETTERS]
        account, own, apps = await self._recall_all(name)
        remembered = account is not None and self._verifier.remembered(
            account.id, (*own, *apps.values()), claim.password
        )
        if not await self._gate.enter(name, channel.peer, remembered=bool(remembered)):
            return self._refuse(channel, mechanism, name)
        account, own, apps = await self._recall_all(name)  # they may have changed meanwhile
        owner = account.id if account else _NOBODY
        matched = await self._verifier.check(owner, (*own, *apps.values()), claim.password)
        if account is None or not matched:
            attempt = self._verifier.digest(name, claim.password)
            return self._failed(channel, mechanism, name, attempt)
        label = next((label for label, secret in apps.items() if secret == matched), "")
        if label and matched not in own:
            await self._note(account.id, label, channel)
        elif not remembered and is_weak(matched):
            await self._upgrade(account.id, matched, claim.password)
        return await self._admit(channel, mechanism, claim, account)

    async def _recall(self, name: str) -> tuple[Account | None, Sequence[str]]:
        """Return the account and its own secrets; there is nobody whose name is cut."""
        if len(name) >= _NAME_LETTERS:
            return None, ()
        if not self._settings.auth_fold_case and account_id(name) != name:
            return None, ()
        account = await self._accounts.find(name)
        return account, await self._accounts.secrets(account.id) if account else ()

    async def _recall_all(
        self, name: str
    ) -> tuple[Account | None, Sequence[str], Mapping[str, str]]:
        """Return the account, its own secrets, and those of its programs."""
        account, secrets = await self._recall(name)
        apps = await self._accounts.app_passwords(account.id) if account else {}
        return account, secrets, apps

    async def _note(self, account: AccountId, label: str, channel: ChannelFacts) -> None:
        if self._note_use is not None:
            await self._verifier.run(self._note_use, account, label, channel.peer.host)

    async def _upgrade(self, account: AccountId, secret: str, password: bytes) -> None:
        """Replace a weak hash; where that cannot be done the login goes on all the same."""
        if not self._settings.auth_upgrade_hashes:
            return
        try:
            new = await self._verifier.run(new_secrets, password.decode())
            await self._accounts.replace_secret(account, secret, new)
            log.info("a weak hash was replaced", user=account)
        except Permanent:  # another program keeps this account's password
            log.debug("a weak hash stays", user=account)
        except (MailError, ValueError) as error:
            log.warning("a weak hash cannot be replaced", user=account, why=error)

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

    def _made_up(self, name: str, scheme: str) -> ScramVerifier:
        """Return the verifier of nobody: the same salt each time, as a real one has."""
        salt = self._verifier.digest("salt", name)[:16]
        digest = "sha1" if scheme == "SCRAM-SHA-1" else "sha256"
        size = hashlib.new(digest).digest_size
        return ScramVerifier(digest, ITERATIONS, salt, random.token_bytes(size), b"")


def _nonce() -> str:
    return base64.b64encode(random.token_bytes(18)).decode()
