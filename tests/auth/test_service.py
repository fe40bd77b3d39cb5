# SPDX-License-Identifier: MIT
from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import logging
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from homemail.auth import verify
from homemail.auth.api import Account, Authenticated, Challenge, Denied
from homemail.auth.memory import MemoryAccounts
from homemail.auth.schemes import new_app_secret
from homemail.auth.scram_verifier import ScramVerifier
from homemail.auth.service import LocalAuthenticator
from homemail.config.auth import ALL_MECHANISMS, AuthSettings
from homemail.errors import TableUnavailable
from homemail.model.address import AccountId, Address
from homemail.model.session import ChannelFacts, Peer, TlsFacts
from tests.auth.scram_client import ScramClient

FAR = Peer("192.0.2.1", 1)
TLS = ChannelFacts("imap", FAR, TlsFacts("TLSv1.3", "any"))
OPEN = ChannelFacts("imap", FAR, None)
BOUND = ChannelFacts("imap", FAR, TlsFacts("TLSv1.3", "any", bindings={"tls-exporter": b"k"}))
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
    assert offered(TLS) == offered(LOCAL) == ("SCRAM-SHA-256", "CRAM-MD5", "PLAIN", "LOGIN")
    assert offered(OPEN) == ("SCRAM-SHA-256", "CRAM-MD5")
    assert offered(BOUND)[0] == "SCRAM-SHA-256"  # not all clients that try -PLUS can do it
    binding = House(auth_mechanisms=ALL_MECHANISMS).authenticator
    assert binding.mechanisms(BOUND)[:2] == ("SCRAM-SHA-256-PLUS", "SCRAM-SHA-256")
    assert binding.mechanisms(TLS)[0] == "SCRAM-SHA-256"
    assert offered(ChannelFacts("imap", LOCAL.peer, None, tls_required=True)) == ()
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


def test_cram_md5_and_apop_for_who_stores_a_password(house):
    offered = house.authenticator.mechanisms
    timestamp = house.authenticator.apop_timestamp(OPEN)
    assert timestamp.startswith("<")
    digest = hashlib.md5(timestamp.encode() + b"alice-secret").hexdigest()
    apop = house.authenticator.apop
    assert isinstance(asyncio.run(apop("alice", digest, timestamp, OPEN)), Authenticated)
    assert asyncio.run(apop("alice", digest, "<other>", OPEN)) == FAILED
    assert asyncio.run(apop("nobody", digest, timestamp, OPEN)) == FAILED
    house.accounts.put(Account(AccountId("erin"), Path("/e")), ["{SSHA}x"])
    assert "CRAM-MD5" not in offered(OPEN)
    assert house.authenticator.apop_timestamp(OPEN) is not None
    assert asyncio.run(apop("erin", digest, timestamp, OPEN)) == FAILED
    assert house.authenticator.apop_timestamp(ChannelFacts("pop3", FAR, None, True)) is None


def test_no_password_is_stored_no_apop():
    house = House()
    for name in ("alice", "bob", "dave"):
        house.accounts.put(Account(AccountId(name), Path("/h")), ["{SSHA512}x"])
    assert house.authenticator.apop_timestamp(TLS) is None


def test_mechanisms_may_be_fewer():
    house = House(auth_mechanisms=("PLAIN",))
    assert house.authenticator.mechanisms(BOUND) == ("PLAIN",)
    assert house.authenticator.begin("LOGIN", TLS) is None
    assert house.authenticator.apop_timestamp(TLS) is None


def test_cram_md5(house):
    async def run(name, password):
        exchange = house.authenticator.begin("CRAM-MD5", TLS)
        challenge = await exchange.step(None)
        digest = hmac.digest(password, challenge.octets, "md5").hex()
        return await exchange.step(f"{name} {digest}".encode())

    assert isinstance(asyncio.run(run("alice", b"alice-secret")), Authenticated)
    assert asyncio.run(run("alice", b"wrong")) == FAILED
    assert asyncio.run(run("nobody", b"alice-secret")) == FAILED


def test_scram_plus():
    house = House(auth_mechanisms=ALL_MECHANISMS)
    client = ScramClient("alice", "alice-secret", flag="p=tls-exporter", binding=b"k")

    async def run():
        exchange = house.authenticator.begin("SCRAM-SHA-256-PLUS", BOUND)
        challenge = await exchange.step(client.first())
        return await exchange.step(client.final(challenge.octets))

    assert isinstance(asyncio.run(run()), Authenticated)


def test_external(house):
    facts = TlsFacts("TLSv1.3", "any", client_names=("info@home.test",))
    channel = ChannelFacts("imap", FAR, facts)
    assert house.authenticator.mechanisms(channel)[0] == "EXTERNAL"
    [done] = house.sasl("EXTERNAL", b"", channel=channel)
    assert done.account.id == "alice"
    [denied] = house.sasl("EXTERNAL", b"bob", channel=channel)
    assert denied.code == "AUTHORIZATIONFAILED"
    assert house.authenticator.begin("EXTERNAL", TLS) is None


def test_access_tokens():
    house = House(oauth_jwks_url="https://issuer.test/keys")

    class Tokens:
        async def name_of(self, token):
            return {"good": "alice@home.test", "gone": "nobody"}.get(token, "")

    house.authenticator._tokens = Tokens()
    assert "OAUTHBEARER" in house.authenticator.mechanisms(TLS)
    assert "OAUTHBEARER" not in house.authenticator.mechanisms(OPEN)
    [done] = house.sasl("OAUTHBEARER", b"n,,\x01auth=Bearer good\x01\x01")
    assert done.account.id == "alice"
    [done] = house.sasl("XOAUTH2", b"user=alice@home.test\x01auth=Bearer good\x01\x01")
    assert done.mechanism == "XOAUTH2"
    [denied] = house.sasl("XOAUTH2", b"user=bob\x01auth=Bearer good\x01\x01")
    assert denied.code == "AUTHORIZATIONFAILED"
    assert house.sasl("OAUTHBEARER", b"n,,\x01auth=Bearer gone\x01\x01") == [FAILED]
    challenge, denied = house.sasl("OAUTHBEARER", b"n,,\x01auth=Bearer bad\x01\x01", b"\x01")
    assert isinstance(challenge, Challenge)
    assert denied == FAILED


def test_a_weak_hash_is_replaced_at_the_next_login():
    house = House()
    weak = "{SSHA}" + base64.b64encode(hashlib.sha1(b"pwsalt").digest() + b"salt").decode()
    account = Account(AccountId("erin"), Path("/e"))
    house.accounts.put(account, [weak, "{PLAIN}other"])
    assert isinstance(house.login("erin", b"pw"), Authenticated)
    schemes = [one.partition("}")[0] for one in asyncio.run(house.accounts.secrets(account.id))]
    assert schemes == ["{ARGON2ID", "{SCRAM-SHA-256", "{PLAIN"]
    assert isinstance(house.login("erin", b"pw"), Authenticated)
    assert isinstance(house.login("erin", b"other"), Authenticated)


@pytest.mark.parametrize("allowed", [True, False])
def test_a_hash_that_cannot_be_replaced_hinders_no_login(allowed, monkeypatch):
    house = House(auth_upgrade_hashes=allowed)
    weak = "{MD5-CRYPT}$1$salt$qJH7.N4xYta3aEG/dfqo/0"

    async def refuse(*arguments):
        raise TableUnavailable("read-only")

    monkeypatch.setattr(house.accounts, "replace_secret", refuse)
    house.accounts.put(Account(AccountId("erin"), Path("/e")), [weak])
    assert isinstance(house.login("erin", b"password"), Authenticated)


def test_the_password_of_a_program():
    noted = []
    house = House()
    house.authenticator._note_use = lambda *what: noted.append(what)
    account = Account(AccountId("alice"), Path("/a"))
    house.accounts.put(account, ["{PLAIN}own"], {"phone": new_app_secret("abc-def")})
    assert isinstance(house.login("alice", b"own"), Authenticated)
    assert noted == []
    assert isinstance(house.login("alice", b"abc-def"), Authenticated)
    assert isinstance(house.login("alice", b"abc-def"), Authenticated)  # remembered
    assert noted == [("alice", "phone", "192.0.2.1")] * 2
    assert house.login("alice", b"abc-de") == FAILED
    # A client must not be led to a mechanism that its program's password does not serve.
    assert house.authenticator.mechanisms(TLS) == ("PLAIN", "LOGIN")


def test_an_account_with_a_fast_hash_takes_as_long_as_nobody(house, monkeypatch):
    checked = []
    house.accounts.put(Account(AccountId("erin"), Path("/e")), ["{PLAIN}x"])
    monkeypatch.setattr(verify, "verify", lambda secret, password: checked.append(secret[:7]))
    house.login("erin", b"wrong")
    assert checked == ["{PLAIN}", "{ARGON2", "{SCRAM-"]


def test_names_in_upper_case_where_they_are_not_folded():
    house = House(auth_fold_case=False)
    assert isinstance(house.login("alice", b"alice-secret"), Authenticated)
    assert house.login("Alice", b"alice-secret") == FAILED
