# SPDX-License-Identifier: MIT
from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from homemail.auth import verify
from homemail.auth.api import Account, Authenticated, Challenge, Denied
from homemail.auth.memory import MemoryAccounts
from homemail.auth.scram_verifier import ScramVerifier
from homemail.auth.service import LocalAuthenticator
from homemail.config.auth import AuthSettings
from homemail.errors import TableUnavailable
from homemail.model.address import AccountId, Address
from homemail.model.session import ChannelFacts, Peer, TlsFacts
from tests.auth.scram_client import ScramClient

FAR = Peer("192.0.2.1", 1)
TLS = ChannelFacts("imap", FAR, TlsFacts("TLSv1.3", "any"))
OPEN = ChannelFacts("imap", FAR, None)
LOCAL = ChannelFacts("pop3", Peer("127.0.0.1", 1), None)
FAILED = Denied("Authentication failed")
UNAVAILABLE = Denied("Try again later", temporary=True, code="UNAVAILABLE")


class House:
    def __init__(self, **settings: float) -> None:
        self.now = 0.0
        self.slept: list[float] = []
        self.accounts = MemoryAccounts(["home.test"])
        self.put("alice", addresses=(Address.parse("info@home.test"),))
        self.put("bob")
        self.put("dave", enabled=False)
        self.executor = ThreadPoolExecutor(1)
        self.authenticator = LocalAuthenticator(
            self.accounts,
            AuthSettings(**settings),
            now=lambda: self.now,
            sleep=self.sleep,
            executor=self.executor,
        )

    def put(self, name: str, password: str = "", **more: object) -> None:
        secret = password or f"{name}-secret"
        scram = ScramVerifier.make("sha256", secret.encode(), iterations=4096).format()
        account = Account(AccountId(name), Path("/home"), **more)
        self.accounts.put(account, ["{PLAIN}" + secret, "{SCRAM-SHA-256}" + scram])

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds

    def login(
        self, name: str, password: bytes, channel: ChannelFacts = TLS
    ) -> Authenticated | Denied:
        return asyncio.run(self.authenticator.login(name, password, channel))

    def sasl(self, mechanism: str, *responses: bytes | None, channel: ChannelFacts = TLS):
        async def run():
            exchange = self.authenticator.begin(mechanism, channel)
            assert exchange is not None
            return [await exchange.step(response) for response in responses]

        return asyncio.run(run())


@pytest.fixture
def house() -> Iterator[House]:
    house = House()
    yield house
    house.executor.shutdown()


@pytest.mark.parametrize("name", ["alice", "ALICE@home.test", "info@home.test"])
def test_login(house, name):
    done = house.login(name, b"alice-secret")
    assert isinstance(done, Authenticated)
    assert done.account.id == "alice"
    assert house.authenticator.redeem(done.ticket, AccountId("alice"))
    assert not house.authenticator.redeem(done.ticket, AccountId("alice"))


@pytest.mark.parametrize(
    ("name", "password"),
    [
        ("alice", b"wrong"),
        ("alice", b""),
        ("alice", b"alice-secret\0"),
        ("alice", b"\xff"),
        ("alice", b"x" * 100_000),
        ("nobody", b"alice-secret"),
        ("", b""),
        ("dave", b"dave-secret"),
        ("x" * 100_000, b"y"),
        ("\udcff", b"y"),
    ],
)
def test_all_that_is_wrong_is_answered_alike(house, name, password):
    assert house.login(name, password) == FAILED


def test_nobody_and_a_wrong_password_cost_the_same(house, monkeypatch):
    checked = []
    monkeypatch.setattr(verify, "verify", lambda secret, password: checked.append(secret[:9]))
    house.login("nobody", b"x")
    assert checked == ["{ARGON2ID", "{SCRAM-SH"]


def test_mechanisms(house):
    offered = house.authenticator.mechanisms
    assert offered(TLS) == offered(LOCAL) == ("SCRAM-SHA-256", "PLAIN", "LOGIN")
    assert offered(OPEN) == ("SCRAM-SHA-256",)
    house.accounts.put(Account(AccountId("erin"), Path("/e")), ["{SSHA}x"])
    assert offered(TLS) == ("PLAIN", "LOGIN")
    assert offered(OPEN) == ()
    assert house.authenticator.begin("SCRAM-SHA-256", TLS) is None
    assert house.authenticator.begin("PLAIN", OPEN) is None
    assert house.authenticator.begin("X-UNKNOWN", TLS) is None


def test_no_password_in_the_clear(house):
    denied = house.login("alice", b"alice-secret", OPEN)
    assert isinstance(denied, Denied)
    assert denied.code == "PRIVACYREQUIRED"
    relaxed = House(auth_allow_cleartext=True)
    assert isinstance(relaxed.login("alice", b"alice-secret", OPEN), Authenticated)
    assert "PLAIN" in relaxed.authenticator.mechanisms(OPEN)


def test_plain(house):
    [done] = house.sasl("plain", b"\0alice\0alice-secret")
    assert isinstance(done, Authenticated)
    assert done.mechanism == "PLAIN"
    assert house.sasl("PLAIN", None, b"\0alice\0wrong") == [Challenge(b""), FAILED]
    assert house.sasl("PLAIN", b"alice") == [Denied("Invalid SASL response")]
    assert house.sasl("PLAIN", b"x" * 20_000) == [Denied("Invalid SASL response")]


def test_login_mechanism(house):
    steps = house.sasl("LOGIN", None, b"alice", b"alice-secret")
    assert steps[:2] == [Challenge(b"Username:"), Challenge(b"Password:")]
    assert isinstance(steps[2], Authenticated)


@pytest.mark.parametrize(
    ("authzid", "code"),
    [
        ("alice", ""),
        ("Alice@home.test", ""),
        ("info@home.test", ""),
        ("bob", "AUTHORIZATIONFAILED"),
        ("nobody", "AUTHORIZATIONFAILED"),
    ],
)
def test_acting_for_somebody(house, authzid, code):
    [done] = house.sasl("PLAIN", authzid.encode() + b"\0alice\0alice-secret")
    assert done.code == code if code else isinstance(done, Authenticated)


def scram(house: House, client: ScramClient):
    async def run():
        exchange = house.authenticator.begin("SCRAM-SHA-256", OPEN)
        challenge = await exchange.step(client.first())
        assert isinstance(challenge, Challenge)
        return challenge, await exchange.step(client.final(challenge.octets))

    return asyncio.run(run())


def test_scram(house):
    client = ScramClient("ALICE", "alice-secret")
    _, done = scram(house, client)
    assert isinstance(done, Authenticated)
    assert (done.account.id, done.final) == ("alice", client.expected)
    assert scram(house, ScramClient("alice", "wrong"))[1] == FAILED
    assert scram(house, ScramClient("dave", "dave-secret"))[1] == FAILED
    assert scram(house, ScramClient("alice", "alice-secret", authzid="bob"))[1].code == (
        "AUTHORIZATIONFAILED"
    )


def test_scram_does_not_tell_who_exists(house):
    def salt(name: str) -> tuple[bytes, bytes]:
        challenge, done = scram(house, ScramClient(name, "x"))
        assert done == FAILED
        _, salt, iterations = challenge.octets.split(b",")
        return salt, iterations

    assert salt("nobody") == salt("nobody") != salt("somebody")


def test_a_right_password_is_remembered_for_minutes(house, monkeypatch):
    checked = []
    right = verify.verify
    monkeypatch.setattr(verify, "verify", lambda *given: checked.append(given) or right(*given))

    def checks(name: str, password: bytes) -> int:
        del checked[:]
        house.login(name, password)
        return len(checked)

    assert checks("alice", b"alice-secret") > 0
    assert checks("alice", b"alice-secret") == 0
    assert checks("bob", b"alice-secret") > 0
    assert checks("alice", b"wrong") > 0
    house.now += 301
    assert checks("alice", b"alice-secret") > 0
    assert checks("alice", b"alice-secret") == 0
    house.put("alice", "new-secret")
    assert house.login("alice", b"alice-secret") == FAILED
    assert isinstance(house.login("alice", b"new-secret"), Authenticated)
    house.put("alice", "new-secret", enabled=False)
    assert house.login("alice", b"new-secret") == FAILED


def test_nothing_is_remembered_where_the_setting_says_so():
    house = House(auth_cache_time=0.0)
    house.login("alice", b"alice-secret")
    assert not house.authenticator._verifier._remembered


def test_guessing_is_slow(house):
    for n in range(4):
        house.login("alice", b"guess %d" % n)
    assert house.slept == [2.0, 4.0, 8.0]
    assert isinstance(house.login("alice", b"alice-secret"), Authenticated)
    house.login("alice", b"another guess")
    assert house.slept == [2.0, 4.0, 8.0, 15.0]


def test_a_password_that_changes_while_its_client_waits(house):
    house.login("alice", b"guess")

    async def change(seconds: float) -> None:
        house.put("alice", "new-secret")

    house.authenticator._gate._sleep = change
    assert house.login("alice", b"alice-secret") == FAILED


def test_locked_out(caplog):
    house = House(auth_max_failures=3)
    with caplog.at_level(logging.INFO):
        for n in range(3):
            assert house.login("alice", b"guess %d" % n) == FAILED
        assert house.login("bob", b"bob-secret") == UNAVAILABLE
        assert scram_first(house, "bob") == UNAVAILABLE
    assert sum("auth failed" in record.getMessage() for record in caplog.records) == 5
    house.now += 601
    assert isinstance(house.login("bob", b"bob-secret"), Authenticated)


def scram_first(house: House, name: str):
    return house.sasl("SCRAM-SHA-256", ScramClient(name, "x").first())[0]


@pytest.mark.parametrize("error", [TableUnavailable("no file"), RuntimeError("a bug at /secret")])
def test_when_accounts_cannot_be_asked(house, monkeypatch, error):
    async def fail(name):
        raise error

    monkeypatch.setattr(house.accounts, "find", fail)
    assert house.login("alice", b"alice-secret") == UNAVAILABLE
    assert house.sasl("PLAIN", b"\0alice\0alice-secret") == [UNAVAILABLE]
    assert scram_first(house, "alice") == UNAVAILABLE


def test_the_log_names_no_secret(house, caplog):
    with caplog.at_level(logging.DEBUG):
        house.login("alice", b"alice-secret")
        house.login("alice", b"guessed-wrong")
        house.login("nobody", b"guessed-wrong")
    assert "secret" not in caplog.text
    assert "guessed" not in caplog.text


def test_its_own_threads_end():
    authenticator = LocalAuthenticator(MemoryAccounts([]), AuthSettings())
    assert asyncio.run(authenticator.login("a", b"b", TLS)) == FAILED
    authenticator.close()
