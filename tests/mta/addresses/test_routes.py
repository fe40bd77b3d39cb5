# SPDX-License-Identifier: MIT
"""Where a final address goes by the tables: relocated, transport, next hops by sender."""

from __future__ import annotations

import asyncio

import pytest

from homemail.config.queue import SendingSettings
from homemail.model.address import Address
from homemail.mta.api import Relay, RouteRefused
from homemail.mta.route import Router
from tests.mta.addresses.house import SENDER, addressing, ends, shown, table
from tests.mta.smtp_server import SITE, Accounts


def route(made, text, sender=SENDER):
    return asyncio.run(made.router.route(Address.parse(text), sender))


@pytest.mark.parametrize("text", ["barbara@home.test", "Barbara+x@mail.home.test"])
def test_relocated(text):
    made = addressing(
        relocated_maps=table({"barbara": "barbara@newcompany.example. Please change."})
    )
    assert ends(made, text) == [
        f"550 5.1.6 <{text}>: Recipient address rejected: "
        "User has moved to barbara@newcompany.example. Please change."
    ]
    assert ends(made, "barbara@elsewhere.example") == ["smtp:elsewhere.example:25"]


def test_relocated_counts_after_virtual_and_for_any_domain():
    made = addressing(
        virtual_alias_maps=table({"b@shop.example": "b@away.example"}),
        virtual_alias_domains="shop.example",
        relocated_maps=table({"@away.example": "nowhere"}),
    )
    assert "moved to nowhere" in ends(made, "b@shop.example")[0]


TRANSPORTS = {
    "ann+x@a.example": "smtp:[10.0.0.1]",
    "ann@a.example": "smtp:[10.0.0.2]",
    "a.example": "smtp:[10.0.0.3]:8025",
    ".a.example": "lmtp:[10.0.0.4]",
    "b.example": ":[10.0.0.5]",
    "c.example": "smtp:",
    "d.example": ":",
    "e.example": "error:5.1.2 closed for good",
    "f.example": "retry:closed today",
    "g.example": "local:",
    "h.example": "error:",
    "carol@home.test": "smtp:[10.0.0.6]",
    "i.example": "relay:unix.example",
}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ann+x@a.example", "smtp:[10.0.0.1]:25"),
        ("ann+y@a.example", "smtp:[10.0.0.2]:25"),
        ("Ann@A.Example", "smtp:[10.0.0.2]:25"),
        ("bob@a.example", "smtp:[10.0.0.3]:8025"),
        ("bob@x.y.a.example", "lmtp:[10.0.0.4]:24"),
        ("x@b.example", "smtp:[10.0.0.5]:25"),
        ("x@c.example", "smtp:c.example:25"),
        ("x@d.example", "smtp:[192.0.2.7]:587"),
        ("x@e.example", "550 5.1.2 <x@e.example>: closed for good"),
        ("x@f.example", "450 4.0.0 <x@f.example>: closed today"),
        ("alice@g.example", "alice"),
        ("bob@home.test", "bob"),
        ("carol@home.test", "smtp:[10.0.0.6]:25"),
        ("x@i.example", "relay:unix.example:25"),
        ("x@z.example", "smtp:[192.0.2.7]:587"),
    ],
)
def test_transports(text, expected):
    made = addressing(transport_maps=table(TRANSPORTS), sending={"relayhost": "[192.0.2.7]:587"})
    assert shown(route(made, text)) == expected


def test_star_takes_everything_that_has_no_entry():
    made = addressing(transport_maps=table({"home.test": "local:", "*": "smtp:[10.0.0.9]"}))
    assert shown(route(made, "alice@home.test")) == "alice"
    assert shown(route(made, "x@y.example")) == "smtp:[10.0.0.9]:25"


def test_a_transport_is_no_invitation():
    """The trap of the books: an entry alone would open a relay (and ``*`` the whole world)."""
    made = addressing(transport_maps=table({"a.example": "smtp:[10.0.0.1]"}))
    assert route(made, "x@a.example") == Relay(route(made, "x@a.example").next_hop, invited=False)


def test_next_hop_by_sender():
    made = addressing(
        sender_dependent_relayhost_maps=table(
            {
                "ann@elsewhere.example": "[10.0.0.1]:587",
                "@home.test": "[10.0.0.2]",
                "carol": "DUNNO",
            }
        ),
        sender_dependent_default_transport_maps=table(
            {"bob@home.test": "smtp:[10.0.0.3]", "<>": "smtp:[10.0.0.4]"}
        ),
        sending={"relayhost": "[10.0.0.9]"},
    )
    expected = {
        "ann@elsewhere.example": "smtp:[10.0.0.1]:587",
        "alice@home.test": "smtp:[10.0.0.2]:25",
        "carol@home.test": "smtp:[10.0.0.9]:25",
        "bob@home.test": "smtp:[10.0.0.3]:25",
        "x@other.example": "smtp:[10.0.0.9]:25",
    }
    for sender, hop in expected.items():
        assert shown(route(made, "x@y.example", Address.parse(sender))) == hop
    assert shown(route(made, "x@y.example", None)) == "smtp:[10.0.0.4]:25"


def test_owner_of_a_virtual_mailbox():
    made = addressing(virtual_mailbox_domains="shop.example")
    found = asyncio.run(made.router.owner(Address.parse("shop+x@shop.example")))
    assert found is not None
    assert found.id == "shop@shop.example"


def test_without_tables_nothing_is_asked():
    router = Router(SITE, Accounts(), SendingSettings())
    assert list(router.tables.tables()) == []
    assert isinstance(asyncio.run(router.route(Address.parse("no@home.test"))), RouteRefused)
