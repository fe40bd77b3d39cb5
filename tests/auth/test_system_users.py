# SPDX-License-Identifier: MIT
"""Accounts of the system, several sources in order, and PAM."""

from __future__ import annotations

import asyncio
import sys
import types
from pathlib import Path

import pytest

from homemail.auth import pam
from homemail.auth.api import Account
from homemail.auth.chain import AccountChain
from homemail.auth.memory import MemoryAccounts
from homemail.auth.schemes import verify
from homemail.auth.sources import open_accounts
from homemail.auth.system_users import SystemUsers, UidRange
from homemail.auth.users_file import UsersFile
from homemail.config.auth import AuthSettings
from homemail.errors import MailError, TableUnavailable
from homemail.model.address import AccountId, Address

PASSWD = """\
root:x:0:0:root:/root:/bin/bash
daemon:x:1:1::/usr/sbin:/usr/sbin/nologin
alice:x:1000:1000:Alice,,,:/home/alice:/bin/bash
bob:x:1001:1001::/home/bob:/usr/sbin/nologin
old:x:1002:1002::/home/old:/bin/sh
locked:x:1003:1003::/home/locked:/bin/sh
nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin
a broken line
odd:x:1004:many::/home/odd:/bin/sh
"""
SHADOW = """\
root:$6$x$root:19000:0:99999:7:::
alice:$6$salt$alice:19000:0:99999:7:::
bob:$y$j9T$bob:19000:0:99999:7:::
old:$6$salt$old:19000:0:99999:7::19500:
locked:!$6$salt$locked:19000:0:99999:7:::
"""
DAY = 86_400


def run(awaitable):
    return asyncio.run(awaitable)


@pytest.fixture
def files(tmp_path: Path) -> Path:
    (tmp_path / "passwd").write_text(PASSWD)
    (tmp_path / "shadow").write_text(SHADOW)
    return tmp_path


def users(files: Path, *, day: int = 19_400, **more) -> SystemUsers:
    return SystemUsers(
        local_domains=["home.test"],
        uids=UidRange(),
        passwd=files / "passwd",
        shadow=files / "shadow",
        clock=lambda: day * DAY,
        **more,
    )


def test_people_are_accounts(files):
    system = users(files)
    assert [account.id for account in run(system.all())] == ["alice", "bob", "locked", "old"]
    alice = run(system.find("Alice@HOME.test"))
    assert alice == Account(AccountId("alice"), Path("/home/alice"), 1000, 1000)
    assert run(system.find_address(Address.parse("bob@home.test"))).id == "bob"
    assert run(system.find("root")) is None
    assert run(system.find("nobody")) is None


def test_secrets_are_those_in_shadow(files):
    system = users(files)
    assert run(system.secrets(AccountId("alice"))) == ("{CRYPT}$6$salt$alice",)
    assert run(system.secrets(AccountId("old"))) == ("{CRYPT}$6$salt$old",)
    assert run(users(files, day=19_500).secrets(AccountId("old"))) == ()
    [locked] = run(system.secrets(AccountId("locked")))
    assert not verify(locked, b"locked")
    assert system.common_schemes() == frozenset()


def test_a_new_user_counts_at_once(files):
    system = users(files)
    assert run(system.find("carol")) is None
    (files / "passwd").write_text(PASSWD + "carol:x:1005:1005::/home/carol:/bin/sh\n")
    assert run(system.find("carol")).home == Path("/home/carol")
    assert run(system.secrets(AccountId("carol"))) == ()


def test_a_file_that_cannot_be_read_refuses_nobody(files):
    system = users(files)
    (files / "shadow").unlink()
    with pytest.raises(TableUnavailable):
        run(system.find("alice"))
    assert run(users(files, pam_service="homemail").find("alice")).id == "alice"


def test_their_passwords_are_not_ours_to_change(files):
    with pytest.raises(MailError):
        run(users(files).replace_secret(AccountId("alice"), "x", ["y"]))


def test_the_first_source_that_knows_a_name_decides(files):
    first = MemoryAccounts(["home.test"])
    first.put(Account(AccountId("alice"), Path("/first")), ["{PLAIN}a"], {"phone": "{PLAIN}p"})
    chain = AccountChain([first, users(files)])
    assert run(chain.find("alice")).home == Path("/first")
    assert run(chain.secrets(AccountId("alice"))) == ("{PLAIN}a",)
    assert run(chain.app_passwords(AccountId("alice"))) == {"phone": "{PLAIN}p"}
    assert run(chain.find("bob")).home == Path("/home/bob")
    assert run(chain.find_address(Address.parse("bob@home.test"))).id == "bob"
    assert run(chain.find("nobody at all")) is None
    assert [account.id for account in run(chain.all())] == ["alice", "bob", "locked", "old"]
    assert chain.common_schemes() == frozenset()
    assert chain.stored_schemes() == {"PLAIN"}
    run(chain.replace_secret(AccountId("alice"), "{PLAIN}a", ["{PLAIN}b"]))
    assert run(chain.secrets(AccountId("alice"))) == ("{PLAIN}b",)


def test_a_source_that_cannot_tell_hides_those_behind_it(files, tmp_path):
    broken = UsersFile(tmp_path, local_domains=["home.test"], default_home=tmp_path)
    with pytest.raises(TableUnavailable):
        run(AccountChain([broken, users(files)]).find("bob"))


def test_sources_of_the_settings():
    assert isinstance(open_accounts(AuthSettings(), ["home.test"]), UsersFile)
    chain = open_accounts(AuthSettings(auth_sources=("users", "system")), ["home.test"])
    assert isinstance(chain, AccountChain)


@pytest.fixture
def fake_pam(monkeypatch):
    module = types.ModuleType("pamela")

    class PAMError(Exception):
        pass

    def authenticate(user, password, service, resetcred):
        if (user, password, service) not in {("alice", "right", "homemail"), ("old", "o", "x")}:
            raise PAMError

    def check_account(user, service):
        if user == "old":
            raise PAMError

    module.PAMError, module.authenticate = PAMError, authenticate
    module.check_account = check_account
    monkeypatch.setitem(sys.modules, "pamela", module)


def test_pam(fake_pam, files):
    [secret] = run(users(files, pam_service="homemail").secrets(AccountId("alice")))
    assert secret == "{PAM}homemail/alice"
    assert verify(secret, b"right")
    assert not verify(secret, b"wrong")
    assert not verify(secret, b"\xff")
    assert not verify("{PAM}x/old", b"o")  # may not be used now


@pytest.mark.parametrize("value", ["", "homemail", "/alice", "homemail/"])
def test_pam_without_a_user(fake_pam, value):
    assert not verify("{PAM}" + value, b"right")


def test_without_the_package_pam_lets_nobody_in(monkeypatch):
    monkeypatch.setitem(sys.modules, "pamela", None)
    with pytest.raises(ValueError, match="not installed"):
        pam.matches(b"right", "homemail/alice")
    assert not verify("{PAM}homemail/alice", b"right")
