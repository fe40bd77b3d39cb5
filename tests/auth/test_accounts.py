# SPDX-License-Identifier: MIT
"""What every source of accounts does: the memory twin and the account file."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from homemail.auth.api import Accounts
from homemail.auth.memory import MemoryAccounts
from homemail.auth.users_file import UsersFile
from homemail.auth.users_line import account_of, parse_line
from homemail.model.address import AccountId, Address

LINES = """\
alice:{PLAIN}a {SCRAM-SHA-256}x::::/home/alice::addresses=sales@home.test,Info@shop.test
bob:{SCRAM-SHA-256}y:1000:1000::::quota=5MB
Carol@Shop.Test:{SCRAM-SHA-256}z {ARGON2ID}z
dave:{PLAIN}d::::::disabled=yes
sales@shop.test:{SCRAM-SHA-256}s
"""
DOMAINS = ["home.test", "HOME.example"]

Make = Callable[[str], Accounts]


@pytest.fixture(params=["memory", "file"])
def make(request, tmp_path) -> Make:
    def memory(lines: str) -> Accounts:
        accounts = MemoryAccounts(DOMAINS)
        for text in lines.splitlines():
            line = parse_line(text)
            accounts.put(account_of(line, Path("/homes")), line.secrets)
        return accounts

    def file(lines: str) -> Accounts:
        (tmp_path / "users").write_text(lines)
        return UsersFile(tmp_path / "users", local_domains=DOMAINS, default_home=Path("/homes"))

    return memory if request.param == "memory" else file


def found(accounts: Accounts, name: str) -> str | None:
    account = asyncio.run(accounts.find(name))
    return account and account.id


def owner(accounts: Accounts, address: str) -> str | None:
    account = asyncio.run(accounts.find_address(Address.parse(address)))
    return account and account.id


@pytest.mark.parametrize(
    ("name", "account"),
    [
        ("alice", "alice"),
        ("ALICE", "alice"),
        (" alice ", "alice"),
        ("alice@home.test", "alice"),
        ("Alice@Home.EXAMPLE", "alice"),
        ("alice@elsewhere.test", None),
        ("alice@", None),
        ("@home.test", None),
        ("", None),
        ("alice\0", None),
        ("carol", None),
        ("carol@shop.test", "carol@shop.test"),
        ("sales@home.test", "alice"),
        ("sales", "alice"),
        ("info@shop.test", "alice"),
        ("sales@shop.test", "sales@shop.test"),
        ("dave", "dave"),
        ("nobody", None),
        ("x" * 10_000, None),
        ("a@b@home.test", None),
    ],
)
def test_find(make, name, account):
    assert found(make(LINES), name) == account


@pytest.mark.parametrize(
    ("address", "account"),
    [
        ("alice@home.test", "alice"),
        ("Alice@HOME.example", "alice"),
        ("alice@shop.test", None),
        ("alice+list@home.test", None),
        ("sales@home.test", "alice"),
        ("INFO@shop.test", "alice"),
        ("carol@shop.test", "carol@shop.test"),
        ("carol@home.test", None),
    ],
)
def test_find_address(make, address, account):
    assert owner(make(LINES), address) == account


def test_a_name_without_domain_may_mean_the_first_local_domain(make):
    accounts = make("erin@home.test:{PLAIN}e\nfrank@home.example:{PLAIN}f\n")
    assert found(accounts, "erin") == "erin@home.test"
    assert found(accounts, "frank") is None
    assert owner(accounts, "erin@home.example") is None


def test_names_in_other_scripts(make):
    accounts = make("gr\u00fcn@b\u00fccher.test:{PLAIN}g\n")
    assert found(accounts, "GRU\u0308N@B\u00dcCHER.test") == "gr\u00fcn@b\u00fccher.test"
    assert owner(accounts, "gr\u00fcn@xn--bcher-kva.test") == "gr\u00fcn@b\u00fccher.test"


def test_all(make):
    accounts = asyncio.run(make(LINES).all())
    names = [account.id for account in accounts]
    assert names == ["alice", "bob", "carol@shop.test", "dave", "sales@shop.test"]
    alice, bob, carol, dave, _ = accounts
    assert (alice.home, alice.uid) == (Path("/home/alice"), None)
    assert (bob.home, bob.uid, bob.gid) == (Path("/homes/bob"), 1000, 1000)
    assert bob.options == {"quota": "5MB"}
    assert carol.home == Path("/homes/carol@shop.test")
    assert [account.enabled for account in (alice, dave)] == [True, False]


def test_secrets(make):
    accounts = make(LINES)
    assert asyncio.run(accounts.secrets(AccountId("alice"))) == ("{PLAIN}a", "{SCRAM-SHA-256}x")
    assert asyncio.run(accounts.secrets(AccountId("dave"))) == ()
    assert asyncio.run(accounts.secrets(AccountId("nobody"))) == ()


def test_common_schemes(make):
    assert make(LINES).common_schemes() == {"SCRAM-SHA-256"}
    assert make("").common_schemes() == frozenset()
    assert make("a:{PLAIN}x\nb:{SSHA}y\n").common_schemes() == frozenset()
    assert make("a:{PLAIN}x\nb:\n").common_schemes() == {"PLAIN"}
