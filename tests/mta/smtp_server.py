# SPDX-License-Identifier: MIT
"""The front half of the transfer with everything behind it in memory, on loopback."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from homemail.auth.api import (
    Account,
    Authenticated,
    Challenge,
    Denied,
    SaslStep,
)
from homemail.auth.memory import MemoryAccounts
from homemail.config.addresses import AddressSettings
from homemail.config.declare import Networks
from homemail.config.policy import PolicySettings
from homemail.config.queue import SendingSettings
from homemail.config.site import SiteSettings
from homemail.config.smtp import SmtpSettings
from homemail.model.address import Address, account_id
from homemail.model.delivery import Delivered, Delivery, DeliveryResult
from homemail.model.envelope import Envelope, QueueId, TraceId
from homemail.model.message import MessageContent, read_all
from homemail.model.queue import QueuedRecipient, QueueEntry
from homemail.mta.commit import Commit
from homemail.mta.policy.check import Facilities
from homemail.mta.policy.facilities import make_facilities
from homemail.mta.route import Router
from homemail.mta.smtp.server import SmtpService
from homemail.mta.transaction import Service, Transactions
from homemail.resolve import FakeResolver

NOW = datetime(2026, 11, 21, 16, 36, 27, tzinfo=UTC)
SITE = SiteSettings(
    myhostname="mail.home.test",
    mydomain="home.test",
    myorigin="home.test",
    mydestination=("home.test", "mail.home.test", "localhost"),
)
SETTINGS = SmtpSettings(
    smtpd_banner="mail.home.test ESMTP homemail",
    smtpd_error_sleep_time=0.0,
    smtpd_timeout=10.0,
)


class Accounts(MemoryAccounts):
    """alice, bob, carol; carol also has an address elsewhere. ``failure``: cannot be asked."""

    def __init__(self) -> None:
        super().__init__(("home.test", "mail.home.test", "localhost"))
        self.failure: Exception | None = None
        for name in ("alice", "bob"):
            self.put(Account(account_id(name), Path("/nonexistent") / name), ())
        own = (Address.parse("carol@example.org"),)
        self.put(Account(account_id("carol"), Path("/nonexistent/carol"), addresses=own), ())

    async def find(self, name: str) -> Account | None:
        if self.failure:
            raise self.failure
        return await super().find(name)

    async def find_address(self, address: Address) -> Account | None:
        if self.failure:
            raise self.failure
        return await super().find_address(address)


class Exchange:
    """PLAIN and LOGIN with the password NAME-secret, and TWOSTEP, which ends with octets."""

    def __init__(self, mechanism: str, accounts: Accounts) -> None:
        self.mechanism, self.accounts = mechanism, accounts
        self.name = b""

    async def step(self, response: bytes | None) -> SaslStep:
        if response is None:
            return Challenge(b"" if self.mechanism == "PLAIN" else b"Username:")
        if self.mechanism == "PLAIN":
            _, name, password = [*response.split(b"\0"), b"", b"", b""][:3]
        elif not self.name:
            self.name = response
            return Challenge(b"Password:")
        else:
            name, password = self.name, response
        account = await self.accounts.find(name.decode())
        if account is None or password != name + b"-secret":
            return Denied("Authentication failed")
        final = b"v=proof" if self.mechanism == "TWOSTEP" else b""
        return Authenticated(account, "ticket", self.mechanism, final)


class Authenticator:
    def __init__(self, accounts: Accounts) -> None:
        self.accounts = accounts

    def mechanisms(self, channel):
        return ("PLAIN", "LOGIN", "TWOSTEP") if channel.is_private else ()

    def begin(self, mechanism, channel):
        if mechanism not in self.mechanisms(channel):
            return None
        return Exchange(mechanism, self.accounts)

    async def login(self, name, password, channel):
        raise NotImplementedError


@dataclass
class Kept:
    """An entry of the queue in memory."""

    envelope: Envelope
    octets: bytes
    dormant: bool
    hold: bool = False
    recipients: tuple[QueuedRecipient, ...] = ()


class Queue:
    """Keeps everything, sends nothing. ``failure`` is raised by ``add``."""

    def __init__(self) -> None:
        self.kept: dict[str, Kept] = {}
        self.failure: Exception | None = None

    async def add(
        self,
        envelope: Envelope,
        content: MessageContent,
        *,
        dormant: bool = False,
        hold: bool = False,
    ) -> QueueId:
        if self.failure:
            raise self.failure
        self.kept[envelope.trace] = Kept(envelope, read_all(content), dormant, hold)
        return QueueId(envelope.trace)

    async def activate(self, queue_id: QueueId, recipients: Sequence[QueuedRecipient]) -> None:
        self.kept[queue_id].dormant = False
        self.kept[queue_id].recipients = tuple(recipients)

    async def entries(self) -> Sequence[QueueEntry]:
        return ()

    async def flush(self) -> None:
        pass

    async def close(self) -> None:
        pass


class Deliver:
    """Files into a list. ``answers`` by account: a result, an exception, or an async function."""

    def __init__(self) -> None:
        self.filed: list[tuple[Delivery, bytes]] = []
        self.tries: list[Delivery] = []
        self.answers: dict[str, object] = {}
        self._one_filed = asyncio.Event()

    async def was_filed(self) -> None:
        """Return when a message is filed."""
        await self._one_filed.wait()

    async def __call__(self, delivery: Delivery, content: MessageContent) -> DeliveryResult:
        self.tries.append(delivery)
        answer = self.answers.get(delivery.account, Delivered("filed"))
        if callable(answer):
            answer = await answer()
        if isinstance(answer, Exception):
            raise answer
        if isinstance(answer, Delivered):
            self.filed.append((delivery, read_all(content)))
            self._one_filed.set()
        return answer


@dataclass
class House:
    """Everything behind the shell, and what a test changes of it."""

    spool: Path
    settings: SmtpSettings = SETTINGS
    site: SiteSettings = SITE
    sending: SendingSettings = field(default_factory=SendingSettings)
    ssl_context: ssl.SSLContext | None = None
    implicit_tls: bool = False
    delivery_seconds: float = 20.0
    policy: PolicySettings = field(default_factory=PolicySettings)
    resolver: FakeResolver = field(default_factory=FakeResolver)
    clock: float = 1_795_000_000.0
    addresses: AddressSettings = field(default_factory=AddressSettings)

    def __post_init__(self) -> None:
        self.accounts, self.queue, self.deliver = Accounts(), Queue(), Deliver()
        self.traces = 0

    def next_trace(self) -> TraceId:
        self.traces += 1
        return TraceId(f"TRACE{self.traces}")

    def transactions(self) -> Transactions:
        router = Router(self.site, self.accounts, self.sending, addresses=self.addresses)
        return Transactions(
            self.settings,
            replace(self.site, queue_directory=self.spool),
            router=router,
            commit=Commit(self.queue, self.deliver, delivery_seconds=self.delivery_seconds),
            facilities=self.facilities(router),
            now=lambda: NOW,
            trace=self.next_trace,
        )

    def facilities(self, router: Router) -> Facilities:
        site = replace(self.site, queue_directory=self.spool)
        return make_facilities(
            self.policy, site, router, self.resolver, ledger=None, now=lambda: self.clock
        )

    def service(self, kind: Service) -> SmtpService:
        return SmtpService(
            kind,
            self.transactions(),
            Authenticator(self.accounts),
            self.settings,
            ssl_context=self.ssl_context,
            implicit_tls=self.implicit_tls,
            server_name=self.site.myhostname,
        )

    @property
    def messages(self) -> list[bytes]:
        return [octets for _, octets in self.deliver.filed]


TRUSTED = Networks().parse(["127.0.0.0/8", "::1"])
Listen = Callable[..., int]


class Listening:
    """Services of one house on free ports of loopback."""

    def __init__(self, loop_thread, house: House) -> None:
        self.loop_thread, self.house = loop_thread, house
        self.services: list[SmtpService] = []
        self.stops: list[Callable[[], None]] = []

    def listen(self, kind: Service = Service.SMTP) -> int:
        async def make() -> SmtpService:
            return self.house.service(kind)

        service = self.loop_thread.run(make())
        tls = self.house.ssl_context if self.house.implicit_tls else None
        port, stop = self.loop_thread.listen_asyncio(service.protocol, ssl=tls)
        self.services.append(service)
        self.stops.append(stop)
        return port

    def settle(self) -> None:
        """Wait until the loop has done what it was given."""
        self.loop_thread.run(asyncio.sleep(0))

    def close(self) -> None:
        for stop in self.stops:
            stop()
        for service in self.services:
            self.loop_thread.run(service.shutdown(0.2))
