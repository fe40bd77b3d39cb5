# SPDX-License-Identifier: MIT
"""A ManageSieve server for the tests: the real shell and authenticator over homes on disk."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

from homemail.auth.api import Account
from homemail.auth.memory import MemoryAccounts
from homemail.auth.scram_verifier import ScramVerifier
from homemail.auth.service import LocalAuthenticator
from homemail.config.auth import AuthSettings
from homemail.config.sieve import SieveSettings
from homemail.errors import Refused
from homemail.managesieve.server import ManageSieveFactory
from homemail.model.address import AccountId
from homemail.model.session import SessionStart
from homemail.sieve.scripts import ScriptDirectory, Scripts, quota_of
from tests.loop import LoopThread

PATIENT = AuthSettings(auth_failure_delay=0.0, auth_failure_delay_max=0.0)


class SieveHouse:
    """Accounts alice and bob (passwords ``NAME-secret``), their homes, and a listening server."""

    def __init__(
        self, loop_thread: LoopThread, homes: Path, *, tls_context: Any = None, **settings: Any
    ) -> None:
        self.loop_thread = loop_thread
        self.homes = homes
        self.broken: Scripts | None = None
        self.settings = dataclasses.replace(SieveSettings(), **settings)
        accounts = MemoryAccounts(["home.test"])
        for name in ("alice", "bob"):
            home = homes / name
            home.mkdir()
            secret = f"{name}-secret"
            scram = ScramVerifier.make("sha256", secret.encode()).format()
            account = Account(AccountId(name), home)
            accounts.put(account, ["{PLAIN}" + secret, "{SCRAM-SHA-256}" + scram])
        self.authenticator = LocalAuthenticator(accounts, PATIENT)
        self.factory = ManageSieveFactory(
            self.authenticator,
            self.open_scripts,
            self.settings,
            tls_context=tls_context,
            server_name="sieve.home.test",
        )
        self.port, self._stop = loop_thread.listen_twisted(self.factory)

    async def open_scripts(self, start: SessionStart) -> Scripts:
        if not self.authenticator.redeem(start.ticket, start.account):
            raise Refused("The ticket does not open this account")
        return self.broken or self.scripts(start.account)

    def scripts(self, name: str) -> ScriptDirectory:
        return ScriptDirectory(self.homes / name, quota_of(self.settings))

    def close(self) -> None:
        self._stop()
        self.loop_thread.run(self.factory.shutdown())
        self.authenticator.close()
