# SPDX-License-Identifier: MIT
"""The restriction lists, and settings that would make an open relay."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from homemail.config.declare import Networks
from homemail.config.policy import PolicySettings
from homemail.config.smtp import SmtpSettings
from homemail.errors import ConfigError
from homemail.model.address import Address, account_id
from homemail.model.envelope import Recipient
from homemail.model.reply import Reply
from homemail.model.session import Peer
from homemail.mta.api import Local, NextHop, Relay, RouteRefused
from homemail.mta.policy import CHECKS
from homemail.mta.policy.check import SmtpContext, is_in
from homemail.mta.policy.client_host import ClientHost
from homemail.mta.policy.facilities import make_facilities
from homemail.mta.policy.restrictions import Restrictions
from homemail.mta.route import Router
from homemail.resolve import FakeResolver
from tests.mta.smtp_server import SITE, Accounts

HERE = Local(account_id("alice"), None, Address.parse("alice@home.test"))
AWAY = Relay(NextHop("smtp", "example.net"))
UNKNOWN = RouteRefused(Reply(550, "5.1.1", "User unknown"))
LAN = Networks().parse(["192.168.1.0/24", "::1"])
FACILITIES = make_facilities(
    PolicySettings(),
    SITE,
    Router(SITE, Accounts()),
    FakeResolver(),
    ledger=None,
)
STRANGER = SmtpContext(
    Peer("192.0.2.1", 4000),
    "x",
    None,
    None,
    Recipient(Address.parse("x@example.net")),
    AWAY,
    LAN,
    FACILITIES,
    ClientHost(Peer("192.0.2.1", 4000), FACILITIES.resolver),
)


def refuse(context: SmtpContext, networks=LAN, **lists: tuple[str, ...]) -> str | None:
    restrictions = Restrictions(SmtpSettings(**lists), networks)
    refusal = asyncio.run(restrictions.at_rcpt(context)).refusal
    return None if refusal is None else f"{refusal.check}: {refusal.decision.reply}"


DENIED = "reject_unauth_destination: 554 5.7.1 <x@example.net>: Relay access denied"


def test_defaults():
    assert refuse(STRANGER) == DENIED
    assert refuse(replace(STRANGER, route=HERE)) is None
    assert refuse(replace(STRANGER, peer=Peer("192.168.1.77", 1))) is None
    assert refuse(replace(STRANGER, submitter=account_id("alice"))) is None
    unknown = "reject_unlisted_recipient: 550 5.1.1 User unknown"
    assert refuse(replace(STRANGER, route=UNKNOWN)) == unknown


def test_loopback_does_not_relay_by_itself():
    assert refuse(replace(STRANGER, peer=Peer("127.0.0.1", 1)), ()) == DENIED


def test_permit_ends_its_own_list_only():
    lists = {
        "smtpd_client_restrictions": ("permit",),
        "smtpd_sender_restrictions": ("permit_mynetworks", "reject"),
    }
    assert refuse(replace(STRANGER, route=HERE), **lists).startswith("reject: 554 5.7.1")
    assert refuse(replace(STRANGER, peer=Peer("192.168.1.1", 1)), **lists) is None


def test_defer():
    lists = {"smtpd_relay_restrictions": ("defer_unauth_destination",)}
    assert refuse(STRANGER, **lists).startswith("defer_unauth_destination: 450 4.7.1")
    lists = {"smtpd_helo_restrictions": ("defer",)}
    assert refuse(STRANGER, **lists).startswith("defer: 450 4.7.1")
    later = RouteRefused(Reply(451, "4.3.0", "later"))
    assert refuse(replace(STRANGER, route=later)) == "reject_unlisted_recipient: 451 4.3.0 later"


def test_permit_auth_destination():
    lists = {"smtpd_recipient_restrictions": ("permit_auth_destination", "reject")}
    assert refuse(replace(STRANGER, route=HERE), **lists) is None
    assert refuse(STRANGER, smtpd_relay_restrictions=(), **lists).startswith("reject:")


@pytest.mark.parametrize(
    ("relay", "recipient"),
    [
        ((), ()),
        (("permit_mynetworks",), ("reject_unlisted_recipient",)),
        (("permit",), ()),
        (("permit", "reject_unauth_destination"), ("permit", "reject")),
        (("permit_auth_destination",), ("permit_sasl_authenticated",)),
    ],
)
def test_open_relay_is_refused(relay, recipient):
    settings = SmtpSettings(smtpd_relay_restrictions=relay, smtpd_recipient_restrictions=recipient)
    with pytest.raises(ConfigError, match=r"smtpd_relay_restrictions: .*anybody"):
        Restrictions(settings, LAN)


@pytest.mark.parametrize(
    "networks",
    [["0.0.0.0/0"], ["::/0"], ["0.0.0.0/1", "128.0.0.0/1"], ["10.0.0.0/8", "::/1", "8000::/1"]],
)
def test_whole_internet_is_no_network_of_ours(networks):
    with pytest.raises(ConfigError, match="mynetworks"):
        Restrictions(SmtpSettings(), Networks().parse(networks))


def test_unknown_check_names_the_nearest():
    settings = SmtpSettings(smtpd_client_restrictions=("permit_mynetwork",))
    with pytest.raises(ConfigError, match=r"did you mean permit_mynetworks\?"):
        Restrictions(settings, ())


def test_is_in():
    assert is_in(Peer("192.168.1.5", 1), LAN)
    assert is_in(Peer("::ffff:192.168.1.5", 1), LAN)
    assert is_in(Peer("::1", 1), LAN)
    assert not is_in(Peer("192.168.2.5", 1), LAN)
    assert not is_in(Peer("not an address", 1), LAN)


def test_names_are_unique():
    assert len({check.name for check in CHECKS}) == len(CHECKS)
