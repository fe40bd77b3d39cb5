# SPDX-License-Identifier: MIT
"""Lists in DNS: filters, weights, IPv6, lists that are dead or do not answer."""

from __future__ import annotations

import asyncio

import pytest

from homemail.mta.policy.dns_list import DnsLists, ListItem, reversed_name
from homemail.resolve import FakeResolver
from tests.mta.policy.world import context, said

BLOCKED = "554 5.7.1 Service unavailable; Client host [{}] blocked using {}"


@pytest.mark.parametrize(
    ("client", "words", "reply"),
    [
        ("198.51.100.2", "reject_rbl_client bl.test",
         BLOCKED.format("198.51.100.2", "bl.test") + "; listed for spam 250 forged"),
        ("198.51.100.3", "reject_rbl_client bl.test", BLOCKED.format("198.51.100.3", "bl.test")),
        ("198.51.100.1", "reject_rbl_client bl.test", ""),
        ("198.51.100.3", "reject_rbl_client bl.test=127.0.0.2", ""),
        ("198.51.100.3", "reject_rbl_client bl.test=127.0.0.[2;9..11]",
         BLOCKED.format("198.51.100.3", "bl.test")),
        ("2001:db8::9", "reject_rbl_client bl.test", BLOCKED.format("2001:db8::9", "bl.test")),
        ("::ffff:198.51.100.3", "reject_rbl_client bl.test",
         BLOCKED.format("::ffff:198.51.100.3", "bl.test")),
        ("198.51.100.2", "reject_rbl_client dead.test", ""),
        ("198.51.100.2", "reject_rbl_client slow.test", ""),
        ("198.51.100.2", "permit_dnswl_client good.test, reject", ""),
        ("198.51.100.6", "reject_rhsbl_client dbl.test",
         "554 5.7.1 Service unavailable; Client host [host.example] blocked using dbl.test"),
        ("198.51.100.2", "reject_rhsbl_client dbl.test", ""),
    ],
)  # fmt: skip
def test_client(client, words, reply):
    assert said(context(client), words) == reply


def test_sender_and_helo():
    about = context(sender="x@spam.example", helo="spam.example")
    text = "554 5.7.1 Service unavailable; {} blocked using dbl.test"
    reply = text.format("Sender address [x@spam.example]")
    assert said(about, "reject_rhsbl_sender dbl.test") == reply
    assert said(about, "reject_rhsbl_helo dbl.test") == text.format("Helo command [spam.example]")
    assert said(context(), "reject_rhsbl_sender dbl.test") == ""
    assert said(context(sender=None), "reject_rhsbl_sender dbl.test") == ""


def test_who_is_trusted_by_a_list_may_not_relay():
    about = context("198.51.100.2", recipient="x@elsewhere.example")
    words = ("permit_dnswl_client good.test", "reject_unauth_destination")
    assert said(about, *words, where="smtpd_relay_restrictions").startswith("554 5.7.1 <x@")


@pytest.mark.parametrize(
    ("text", "item"),
    [
        ("a.test", ListItem("a.test")),
        ("a.test*3", ListItem("a.test", (), 3)),
        ("a.test*-2", ListItem("a.test", (), -2)),
        ("A.Test.=127.0.0.2*5",
         ListItem("a.test", tuple(frozenset({n}) for n in (127, 0, 0, 2)), 5)),
    ],
)  # fmt: skip
def test_item(text, item):
    assert ListItem.parse(text) == item


@pytest.mark.parametrize(
    "text", ["", "a b", "a.test=", "a=127.0.0", "a=127.0.0.2.3", "a=127.0.0.[9..2]", "a=1.1.1.256"]
)
def test_no_item(text):
    with pytest.raises(ValueError, match="expected"):
        ListItem.parse(text)


def test_reversed_name():
    assert reversed_name("192.0.2.99") == "99.2.0.192"
    assert reversed_name("::ffff:192.0.2.99") == "99.2.0.192"
    assert len(reversed_name("2001:db8::1").split(".")) == 32
    assert reversed_name("nonsense") is None


class Counting(FakeResolver):
    asked = 0

    async def listed(self, name):
        self.asked += 1
        return await super().listed(name)


def test_answers_are_remembered_for_a_while():
    time = [0.0]
    resolver = Counting(hosts={"2.0.0.127.bl.test": ("127.0.0.2",)})
    lists = DnsLists(resolver, timeout=1, cache_time=300, clock=lambda: time[0])
    item = ListItem.parse("bl.test")

    async def ask() -> None:
        for _ in range(3):
            assert await lists.lists(item, "2.0.0.127")
            assert not await lists.lists(item, "3.0.0.127")

    asyncio.run(ask())
    assert resolver.asked == 3  # with the look whether everybody is listed
    time[0] = 301.0
    asyncio.run(ask())
    assert resolver.asked == 6


def test_a_list_that_never_answers_lets_mail_in():
    class Silent(FakeResolver):
        async def listed(self, name):
            await asyncio.Event().wait()

    lists = DnsLists(Silent(), timeout=0.01, cache_time=300)
    assert not asyncio.run(lists.lists(ListItem.parse("bl.test"), "2.0.0.127"))
