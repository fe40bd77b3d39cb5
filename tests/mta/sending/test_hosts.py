# SPDX-License-Identifier: MIT
from __future__ import annotations

import asyncio

import pytest

from homemail.errors import LoopDetected, Permanent, Temporary
from homemail.mta.api import NextHop
from homemail.mta.next_hop import parse_next_hop, parse_transport
from homemail.mta.sending.hosts import Myself, find_targets
from homemail.resolve import FakeResolver, Mx

RESOLVER = FakeResolver(
    mxs={
        "far.test": (Mx(20, "backup.far.test"), Mx(10, "a.far.test"), Mx(10, "b.far.test")),
        "null.test": (Mx(0, ""),),
        "backed-up.test": (Mx(10, "a.far.test"), Mx(20, "mail.home.test"), Mx(30, "b.far.test")),
        "ours.test": (Mx(10, "mail.home.test"), Mx(20, "a.far.test")),
        "alias.test": (Mx(10, "alias-of-us.test"),),
        "gone.test": (Mx(10, "nowhere.test"),),
        "half.test": (Mx(10, "nowhere.test"), Mx(20, "down.test")),
        "third.test": (Mx(10, "down.test"), Mx(20, "a.far.test")),
    },
    hosts={
        "a.far.test": ("192.0.2.1", "2001:db8::1", "192.0.2.2"),
        "b.far.test": ("192.0.2.3",),
        "backup.far.test": ("192.0.2.9",),
        "only-a.test": ("192.0.2.7",),
        "mail.home.test": ("192.0.2.100",),
        "alias-of-us.test": ("192.0.2.100",),
        "no-address.test": (),
    },
    unavailable=frozenset({"down.test"}),
)
MYSELF = Myself(frozenset({"mail.home.test"}), frozenset({25}), {"192.0.2.100"}.__contains__)


def targets(text, transport="smtp"):
    hop = parse_next_hop(text, transport)
    found = asyncio.run(find_targets(hop, RESOLVER, MYSELF, shuffle=lambda mxs: mxs.reverse()))
    return [str(target) for target in found]


def test_by_preference_and_shuffled_among_equals():
    assert targets("far.test") == [
        "b.far.test[192.0.2.3]:25",
        "a.far.test[2001:db8::1]:25",
        "a.far.test[192.0.2.1]:25",
        "a.far.test[192.0.2.2]:25",
        "backup.far.test[192.0.2.9]:25",
    ]


def test_without_mx_the_host_itself():
    assert targets("only-a.test") == ["only-a.test[192.0.2.7]:25"]
    assert targets("far.test:2025")[0] == "b.far.test[192.0.2.3]:2025"


def test_bracketed_and_addresses_are_not_looked_up():
    assert targets("[backup.far.test]:587") == ["backup.far.test[192.0.2.9]:587"]
    assert targets("192.0.2.5") == ["192.0.2.5[192.0.2.5]:25"]
    assert targets("[::1]:26") == ["::1[::1]:26"]
    assert targets("backup.far.test", "lmtp") == ["backup.far.test[192.0.2.9]:24"]


def test_null_mx():
    with pytest.raises(Permanent) as caught:
        targets("null.test")
    assert caught.value.status == "5.1.10"


@pytest.mark.parametrize("name", ["nothing.test", "gone.test", "no-address.test"])
def test_no_such_host_fails(name):
    with pytest.raises(Permanent) as caught:
        targets(name)
    assert caught.value.status == "5.4.4"


@pytest.mark.parametrize("name", ["down.test", "half.test"])
def test_nobody_can_say_defers(name):
    with pytest.raises(Temporary):
        targets(name)


def test_one_host_in_trouble_leaves_the_others():
    assert targets("third.test")[0] == "a.far.test[2001:db8::1]:25"


@pytest.mark.parametrize("name", ["ours.test", "alias.test", "mail.home.test"])
def test_loops_to_ourselves(name):
    with pytest.raises(LoopDetected) as caught:
        targets(name)
    assert caught.value.status == "5.4.6"
    assert caught.value.text == f"mail for {name} loops back to myself"


def test_only_better_hosts_than_ourselves():
    assert [name.partition("[")[0] for name in targets("backed-up.test")] == ["a.far.test"] * 3


@pytest.mark.parametrize("hop", ["mail.home.test:2525", "[mail.home.test]", "[192.0.2.100]:25"])
def test_another_port_or_brackets_are_no_loop(hop):
    assert targets(hop)


@pytest.mark.parametrize(
    ("text", "hop"),
    [
        ("mail.isp.test", NextHop("smtp", "mail.isp.test")),
        ("[Mail.ISP.test]:587", NextHop("smtp", "mail.isp.test", 587, bracketed=True)),
        ("mail.isp.test:submission", NextHop("smtp", "mail.isp.test", 587)),
        ("192.0.2.1", NextHop("smtp", "192.0.2.1", 25, bracketed=True)),
        ("[IPv6:::1]:25", NextHop("smtp", "::1", 25, bracketed=True)),
    ],
)
def test_parse_next_hop(text, hop):
    assert parse_next_hop(text) == hop


@pytest.mark.parametrize("text", ["", "[x", "a b", "x:", "x:0", "x:70000", "x:what", "a:b:c"])
def test_what_is_no_next_hop(text):
    with pytest.raises(ValueError, match="expected"):
        parse_next_hop(text)


def test_parse_transport():
    assert parse_transport("smtp:[hub.test]", "far.test").host == "hub.test"
    assert parse_transport("lmtp:", "far.test") == NextHop("lmtp", "far.test", 24)
    assert parse_transport(":hub.test", "far.test") == NextHop("smtp", "hub.test")
    assert parse_transport("smtp", "[192.0.2.1]") == NextHop(
        "smtp", "192.0.2.1", 25, bracketed=True
    )


def test_parse_transport_without_a_host():
    assert parse_transport("error:5.1.1 no such user", "far.test") == NextHop(
        "error", "5.1.1 no such user", 0
    )
    assert parse_transport("maildrop:", "far.test") == NextHop("maildrop", "far.test", 0)
    assert parse_transport("lmtp:unix:/run/lmtp", "far.test") == NextHop("lmtp", "/run/lmtp", 0)
    assert str(parse_transport("lmtp:unix:/run/lmtp", "far.test")) == "lmtp:/run/lmtp"
