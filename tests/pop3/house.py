# SPDX-License-Identifier: MIT
"""A POP3 server for the tests: the real shell and authenticator over stores in memory."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

from homemail.auth.api import Account
from homemail.auth.memory import MemoryAccounts
from homemail.auth.scram_verifier import ScramVerifier
from homemail.auth.service import LocalAuthenticator
from homemail.config.auth import AuthSettings
from homemail.config.pop3 import Pop3Settings
from homemail.errors import Refused
from homemail.model.address import AccountId
from homemail.model.mailbox import INBOX
from homemail.model.message import MemoryContent
from homemail.model.session import SessionStart
from homemail.pop3.bulletins import Bulletins
from homemail.pop3.server import Pop3Factory
from homemail.store.api import Actor, NewMessage
from homemail.store.lane import OwnerMail
from homemail.store.memory import MemoryStore
from tests.loop import LoopThread

PATIENT = AuthSettings(auth_failure_delay=0.0, auth_failure_delay_max=0.0)


class Pop3House:
    """Accounts alice and bob (passwords ``NAME-secret``), their mail, and a listening server."""

    def __init__(
        self,
        loop_thread: LoopThread,
        *,
        tls_context: Any = None,
        bulletins: Bulletins | None = None,
        **settings: Any,
    ) -> None:
        self.loop_thread = loop_thread
        self.accounts = MemoryAccounts(["home.test"])
        self.stores: dict[AccountId, MemoryStore] = {}
        self.mail: dict[AccountId, OwnerMail] = {}
        for name in ("alice", "bob"):
            account = Account(AccountId(name), Path("/nonexistent") / name)
            secret = f"{name}-secret"
            scram = ScramVerifier.make("sha256", secret.encode()).format()
            self.accounts.put(account, ["{PLAIN}" + secret, "{SCRAM-SHA-256}" + scram])
            self.stores[account.id] = MemoryStore(account.id)
            self.mail[account.id] = OwnerMail(self.stores[account.id])
        self.authenticator = LocalAuthenticator(self.accounts, PATIENT, server_name="pop.home.test")
        self.factory = Pop3Factory(
            self.authenticator,
            self.open_mail,
            dataclasses.replace(Pop3Settings(), **settings),
            tls_context=tls_context,
            server_name="pop.home.test",
            bulletins=bulletins,
        )
        self.port, self._stop = loop_thread.listen_twisted(self.factory)

    async def open_mail(self, start: SessionStart) -> OwnerMail:
        if not self.authenticator.redeem(start.ticket, start.account):
            raise Refused("The ticket does not open this account")
        return self.mail[start.account]

    def file(self, name: str, *messages: bytes) -> None:
        """Put messages into an INBOX."""
        account = AccountId(name)
        new = [NewMessage(MemoryContent(message)) for message in messages]
        self.stores[account].append(INBOX, new, Actor(account))

    def messages(self, name: str) -> int:
        return self.stores[AccountId(name)].status(INBOX, Actor(AccountId(name))).messages

    def close(self) -> None:
        self._stop()
        self.loop_thread.run(self.factory.shutdown())
        self.authenticator.close()
        for mail in self.mail.values():
            self.loop_thread.run(mail.close())
