# SPDX-License-Identifier: MIT
"""An owner with a home, a store in memory, and a queue that remembers."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest

from homemail.auth.api import Account
from homemail.config.local import LocalSettings
from homemail.mda.deliver import OwnerDelivery
from homemail.mda.outside import HandOver
from homemail.mda.script import HouseScripts
from homemail.model.address import Address, account_id
from homemail.model.delivery import Delivery, DeliveryResult
from homemail.model.envelope import Envelope, Origin, QueueId, Recipient, new_trace
from homemail.model.mailbox import Flag, MailboxName
from homemail.model.message import MemoryContent, MessageContent, read_all
from homemail.store.api import Actor
from homemail.store.lane import OwnerMail
from homemail.store.memory import MemoryStore

ALICE = account_id("alice@home.test")
MESSAGE = b"From: bob@x.org\r\nTo: alice@home.test\r\nSubject: hi\r\n\r\nHello\r\n"
NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


class FakeQueue:
    """A ``Submit`` that keeps what it got, or fails as told."""

    def __init__(self) -> None:
        self.sent: list[tuple[Envelope, bytes]] = []
        self.failure: Exception | None = None

    async def __call__(self, envelope: Envelope, content: MessageContent) -> QueueId:
        if self.failure is not None:
            raise self.failure
        self.sent.append((envelope, read_all(content)))
        return QueueId(envelope.trace)

    def recipients(self) -> list[str]:
        return [str(r.forward_path) for envelope, _ in self.sent for r in envelope.recipients]


@dataclass
class House:
    """One owner and all that his delivery touches."""

    home: Path
    queue: FakeQueue = field(default_factory=FakeQueue)
    settings: LocalSettings = field(default_factory=LocalSettings)
    store: MemoryStore = field(default_factory=lambda: MemoryStore(ALICE))
    may_run_programs: bool = True
    now: datetime = NOW
    scripts: HouseScripts = field(default_factory=HouseScripts)
    hand_over: HandOver | None = None

    def __post_init__(self) -> None:
        self._ids = itertools.count(1)
        self.mail = OwnerMail(self.store)
        self.rebuild()

    def rebuild(self) -> None:
        """Start the worker again: what it remembers is gone."""
        account = Account(ALICE, self.home, addresses=(Address.parse("a.smith@home.test"),))
        self.deliver = OwnerDelivery(
            account,
            self.mail,
            self.queue,
            self.settings,
            may_run_programs=self.may_run_programs,
            now=lambda: self.now,
            house_scripts=self.scripts,
            hand_over=self.hand_over,
        )

    def write(self, name: str, text: str, mode: int = 0o600) -> Path:
        path = self.home / name
        path.write_text(text)
        path.chmod(mode)
        return path

    def delivery(
        self,
        to: str = "alice@home.test",
        *,
        sender: str | None = "bob@x.org",
        id: str | None = None,
        sender_waits: bool = False,
        alone: bool = False,
    ) -> Delivery:
        address = Address.parse(to)
        _, _, detail = address.local_part.partition("+")
        recipient = Recipient(address)
        path = Address.parse(sender) if sender else None
        return Delivery(
            id or f"id-{next(self._ids)}",
            ALICE,
            detail or None,
            recipient,
            Envelope(path, (recipient,), new_trace(), Origin.SMTP),
            sender_waits,
            alone,
        )

    def run(self, delivery: Delivery | None = None, message: bytes = MESSAGE) -> DeliveryResult:
        return asyncio.run(self.deliver(delivery or self.delivery(), MemoryContent(message)))

    def filed(self, mailbox: str = "INBOX") -> list[bytes]:
        opened = self.store.open(MailboxName.parse(mailbox), Actor(ALICE), read_only=True)
        contents = [opened.read_content(uid) for uid in opened.snapshot().uids]
        return [read_all(content) for content in contents if content]

    def flags(self, mailbox: str = "INBOX") -> list[set[Flag]]:
        """Return the flags of each message."""
        opened = self.store.open(MailboxName.parse(mailbox), Actor(ALICE), read_only=True)
        return [set(facts.flags) for facts in opened.read_facts(opened.snapshot().uids)]


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    made = House(home)
    yield made
    asyncio.run(made.mail.close())
