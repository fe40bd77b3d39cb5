# SPDX-License-Identifier: MIT
"""An IMAP server over the memory twin of the store, on a free port of the shared loop."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from homemail.auth.api import Account, Authenticated, Challenge, Denied, SaslStep
from homemail.config.imap import ImapSettings
from homemail.errors import MailError
from homemail.imap.server import ImapFactory
from homemail.model.address import AccountId
from homemail.model.mailbox import INBOX, Flag, MailboxName
from homemail.model.message import MemoryContent
from homemail.model.session import ChannelFacts, SessionStart
from homemail.store.api import Actor, NewMessage, Store
from homemail.store.lane import OwnerMail
from homemail.store.maildir import MaildirStore
from homemail.store.memory import MemoryStore
from tests.transcript import SocketConnection

PASSWORDS = {"alice": b"secret", "bob": b'pa "ss\\word'}


class Plain:
    """SASL PLAIN (RFC 4616)."""

    def __init__(self, house: Passwords, channel: ChannelFacts) -> None:
        self.house, self.channel = house, channel

    async def step(self, response: bytes | None) -> SaslStep:
        if response is None:
            return Challenge(b"")
        parts = response.split(b"\0")
        if len(parts) != 3:
            return Denied("Authentication failed")
        return await self.house.login(parts[1].decode(), parts[2], self.channel)


class Passwords:
    """An authenticator that knows ``PASSWORDS``."""

    def mechanisms(self, channel: ChannelFacts) -> tuple[str, ...]:
        return ("PLAIN",) if channel.is_private else ()

    def begin(self, mechanism: str, channel: ChannelFacts) -> Plain | None:
        return Plain(self, channel) if mechanism in self.mechanisms(channel) else None

    async def login(
        self, name: str, password: bytes, channel: ChannelFacts
    ) -> Authenticated | Denied:
        if PASSWORDS.get(name) != password:
            return Denied("Authentication failed")
        account = Account(AccountId(name), Path("/nowhere"))
        return Authenticated(account, f"ticket of {name}", "PLAIN")


NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


class House:
    """The server under test, with its stores."""

    def __init__(self, loop_thread, **settings) -> None:
        self.loop_thread = loop_thread
        self.mails: dict[str, OwnerMail] = {}
        self.trouble: MailError | None = None
        self.limits = settings.pop("limits", {})
        self.home: Path | None = settings.pop("home", None)
        more = {
            key: settings.pop(key)
            for key in ("tls_context", "append_limit", "authenticator")
            if key in settings
        }
        self.factory = ImapFactory(
            more.get("authenticator", Passwords()),
            self.open_mail,
            ImapSettings(**settings),
            tls_context=more.get("tls_context"),
            append_limit=more.get("append_limit", 1_000_000),
            server_name="home.test",
        )
        self.port, self.stop_listening = loop_thread.listen_twisted(self.factory)

    def make_store(self, owner: AccountId) -> Store:
        if self.home is not None:
            return MaildirStore(owner, self.home / owner, "Maildir/", now=NOON.timestamp)
        return MemoryStore(owner, now=NOON.timestamp, **self.limits)

    def mail(self, name: str) -> OwnerMail:
        if name not in self.mails:
            self.mails[name] = OwnerMail(self.make_store(AccountId(name)))
        return self.mails[name]

    async def open_mail(self, start: SessionStart) -> OwnerMail:
        if self.trouble is not None:
            raise self.trouble
        assert start.ticket == f"ticket of {start.account}"
        return self.mail(start.account)

    def deliver(self, name: str, *contents: bytes, mailbox: str = "INBOX", flags=()) -> None:
        """Add messages to a mailbox, in the owner's lane."""
        mail = self.mail(name)
        messages = [
            NewMessage(MemoryContent(content), frozenset(map(Flag, flags)), NOON)
            for content in contents
        ]
        self.loop_thread.run(
            mail.change(
                mail.store.append,
                MailboxName.parse(mailbox),
                messages,
                Actor(AccountId(name)),
            )
        )

    def validity(self, name: str) -> int:
        """Return the UIDVALIDITY of a person's INBOX."""
        return self.mail(name).store.status(INBOX, Actor(AccountId(name))).uid_validity

    def connect(self, service: str = "imap") -> SocketConnection:
        return SocketConnection("127.0.0.1", self.port)

    def stop(self) -> None:
        self.loop_thread.run(self.factory.shutdown())
        self.stop_listening()
        for mail in self.mails.values():
            self.loop_thread.run(mail.close())


@pytest.fixture
def house(loop_thread) -> Iterator[House]:
    server = House(loop_thread)
    yield server
    server.stop()


HELLO = (
    b"From: Bob <bob@home.test>\r\nTo: alice@home.test\r\nSubject: Hello\r\n"
    b"Date: Sun, 1 Mar 2026 12:00:00 +0000\r\nMessage-ID: <1@home.test>\r\n\r\nHello Alice\r\n"
)
MULTIPART = (
    b"From: carol@home.test\r\nSubject: Two parts\r\nMIME-Version: 1.0\r\n"
    b'Content-Type: multipart/mixed; boundary="b"\r\n\r\npreamble\r\n--b\r\n'
    b"Content-Type: text/plain; charset=utf-8\r\n\r\nfirst\r\n--b\r\n"
    b"Content-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    b"AAECAw==\r\n--b--\r\n"
)
