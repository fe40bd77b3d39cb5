# SPDX-License-Identifier: MIT
"""Where a recipient's mail goes."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from homemail.auth.api import Account
from homemail.config.queue import SendingSettings
from homemail.errors import ConfigError, TableUnavailable
from homemail.model.address import Address, account_id
from homemail.mta.api import Local, NextHop, Relay, RouteRefused
from homemail.mta.route import Router, split_detail
from tests.mta.smtp_server import SITE, Accounts


def route(text: str, router: Router | None = None):
    return asyncio.run((router or Router(SITE, Accounts())).route(Address.parse(text)))


@pytest.mark.parametrize(
    ("text", "account", "detail"),
    [
        ("alice@home.test", "alice", None),
        ("ALICE@Mail.Home.TEST", "alice", None),
        ("alice@localhost", "alice", None),
        ("alice@[127.0.0.1]", "alice", None),
        ("alice@[IPv6:0:0:0:0:0:0:0:1]", "alice", None),
        ("alice+lists@home.test", "alice", "lists"),
        ("alice+a+b@home.test", "alice", "a+b"),
        ("alice+@home.test", "alice", ""),
        ("postmaster@home.test", "alice", None),
        ("PostMaster@[127.0.0.1]", "alice", None),
    ],
)
def test_local(text, account, detail):
    assert route(text) == Local(account_id(account), detail, Address.parse(text))


def test_whole_local_part_goes_first():
    accounts = Accounts()
    accounts.put(Account(account_id("alice+shop"), SITE.data_directory), ())
    router = Router(SITE, accounts)
    assert route("alice+shop@home.test", router) == Local(
        account_id("alice+shop"), None, Address.parse("alice+shop@home.test")
    )


@pytest.mark.parametrize("text", ["nobody@home.test", "+alice@home.test", "a+lice@home.test"])
def test_unknown(text):
    refused = route(text)
    assert isinstance(refused, RouteRefused)
    expected = f"550 5.1.1 <{text}>: Recipient address rejected: User unknown"
    assert str(refused.reply) == expected


def test_disabled():
    accounts = Accounts()
    accounts.put(Account(account_id("alice"), SITE.data_directory, enabled=False), ())
    refused = route("alice@home.test", Router(SITE, accounts))
    assert isinstance(refused, RouteRefused)
    assert (refused.reply.code, refused.reply.status) == (550, "5.2.1")


def test_accounts_that_cannot_be_asked_defer():
    accounts = Accounts()
    accounts.failure = TableUnavailable("down")
    refused = route("alice@home.test", Router(SITE, accounts))
    assert isinstance(refused, RouteRefused)
    assert (refused.reply.code, refused.reply.status) == (451, "4.3.0")


def test_postmaster_goes_to_the_account_that_the_setting_names():
    router = Router(SITE, Accounts(), postmaster="carol")
    assert route("postmaster@home.test", router).account == "carol"


def test_postmaster_that_exists_is_himself():
    accounts = Accounts()
    accounts.put(Account(account_id("postmaster"), SITE.data_directory), ())
    router = Router(SITE, accounts, postmaster="carol")
    assert route("postmaster@home.test", router).account == "postmaster"


@pytest.mark.parametrize(
    ("sending", "hop"),
    [
        (SendingSettings(), NextHop("smtp", "example.net")),
        (
            SendingSettings(relayhost="[mail.isp.example]:587"),
            NextHop("smtp", "mail.isp.example", 587, True),
        ),
        (SendingSettings(relayhost="isp.example"), NextHop("smtp", "isp.example")),
        (
            SendingSettings(relayhost="isp.example", default_transport="smtp:[192.0.2.9]"),
            NextHop("smtp", "192.0.2.9", 25, True),
        ),
    ],
)
def test_elsewhere(sending, hop):
    assert route("x@example.net", Router(SITE, Accounts(), sending)) == Relay(hop)


def test_literal_of_another_host():
    assert route("x@[192.0.2.7]") == Relay(NextHop("smtp", "192.0.2.7", 25, True))


def test_no_delimiter():
    router = Router(replace(SITE, recipient_delimiter=""), Accounts())
    assert isinstance(route("alice+x@home.test", router), RouteRefused)


def test_split_detail():
    assert split_detail("a-b+c", "+-") == ("a", "b+c")
    assert split_detail("+a", "+") is None
    assert split_detail("a", "+") is None


def test_wrong_settings():
    with pytest.raises(ConfigError, match="relayhost"):
        Router(SITE, Accounts(), SendingSettings(relayhost="[x"))
    with pytest.raises(ConfigError, match="mydestination"):
        Router(replace(SITE, mydestination=("no domain",)), Accounts())


@pytest.mark.parametrize(
    ("text", "owner"),
    [
        ("alice+x@home.test", "alice"),
        ("carol@example.org", "carol"),
        ("nobody@home.test", None),
        ("alice@example.org", None),
    ],
)
def test_owner(text, owner):
    account = asyncio.run(Router(SITE, Accounts()).owner(Address.parse(text)))
    assert (account.id if account else None) == owner
