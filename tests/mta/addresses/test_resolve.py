# SPDX-License-Identifier: MIT
"""What one RCPT becomes: canonical, virtual, aliases, lists of recipients."""

from __future__ import annotations

import asyncio
import sqlite3

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from homemail.config.addresses import AddressSettings
from homemail.config.local import LocalSettings
from homemail.errors import ConfigError
from homemail.lookup import TABLE_TYPES
from homemail.model.address import Address
from homemail.model.envelope import Recipient
from homemail.mta.api import Relay, RouteRefused
from homemail.mta.route import Router
from tests.mta.addresses.house import SENDER, addressing, ends, inline, resolve, table
from tests.mta.smtp_server import SITE, Accounts

UNKNOWN = "550 5.1.1 <{}>: Recipient address rejected: User unknown"
LOCAL = AddressSettings()


# virtual aliases


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("riley@testco.example", ["alice"]),
        ("RILEY@TestCo.Example", ["alice"]),
        ("riley+x@testco.example", ["alice+x"]),
        ("both@testco.example", ["alice", "smtp:away.example:25"]),
        (
            "john@testco.example",
            [UNKNOWN.format("john@testco.example") + " in virtual alias table"],
        ),
        ("bob@home.test", ["bob"]),
        ("postmaster@testco.example", ["alice"]),
    ],
)
def test_virtual_domain(text, expected):
    made = addressing(
        virtual_alias_maps=table(
            {
                "testco.example": "virtual",
                "riley@testco.example": "alice",
                "both@testco.example": "alice, x@away.example",
            }
        )
    )
    assert ends(made, text) == expected


def test_virtual_keys_in_order():
    entries = {
        "u+e@home.test": "alice+1",
        "u@home.test": "alice+2",
        "v": "bob",
        "@away.example": "carol",
    }
    made = addressing(virtual_alias_maps=table(entries))
    assert ends(made, "u+e@home.test") == ["alice+1"]
    assert ends(made, "u+f@home.test") == ["alice+2+f"]
    assert ends(made, "v@mail.home.test") == ["bob"]
    assert ends(made, "v+x@home.test") == ["bob+x"]
    assert ends(made, "anybody@away.example") == ["carol"]
    assert ends(made, "v@other.example") == ["smtp:other.example:25"]


def test_a_name_among_its_own_targets_keeps_a_copy():
    made = addressing(
        virtual_alias_maps=table({"alice@home.test": "alice@home.test, bob@home.test"})
    )
    assert ends(made, "alice@home.test") == ["bob", "alice"]


def test_catch_all_takes_accounts_too_unless_they_are_named():
    catch_all = {"@shop.example": "alice"}
    made = addressing(virtual_mailbox_domains="shop.example", virtual_alias_maps=table(catch_all))
    assert ends(made, "shop@shop.example") == ["alice"]
    named = {**catch_all, "shop@shop.example": "shop@shop.example"}
    made = addressing(virtual_mailbox_domains="shop.example", virtual_alias_maps=table(named))
    assert ends(made, "shop@shop.example") == ["shop@shop.example"]
    assert ends(made, "x@shop.example") == ["alice"]


def test_virtual_aliases_count_for_domains_elsewhere():
    made = addressing(virtual_alias_maps=inline(ann__away__example="x").replace("away@", "away."))
    made = addressing(virtual_alias_maps=table({"ann@away.example": "alice"}))
    resolved = resolve(made, "ann@away.example")
    assert [one.route.account for one in resolved.accepted] == ["alice"]
    assert isinstance(resolved.route, Relay)
    assert not resolved.route.invited  # what policy sees is the domain elsewhere


def test_whole_domain_to_another():
    made = addressing(virtual_alias_maps=table({"@old.example": "@home.test"}))
    assert ends(made, "bob@old.example") == ["bob"]


# virtual mailboxes


def test_virtual_mailboxes_are_accounts_of_the_domain():
    made = addressing(virtual_mailbox_domains=["shop.example", ".sub.example"])
    assert ends(made, "shop@shop.example") == ["shop@shop.example"]
    assert ends(made, "shop+x@shop.example") == ["shop@shop.example+x"]
    refused = UNKNOWN.format("alice@shop.example") + " in virtual mailbox table"
    assert ends(made, "alice@shop.example") == [refused]
    assert "in virtual mailbox table" in ends(made, "a@b.sub.example")[0]
    assert ends(made, "a@sub.example") == ["smtp:sub.example:25"]


def test_virtual_mailbox_maps_name_accounts():
    made = addressing(
        virtual_mailbox_domains=inline(shop="x").replace("shop =", "shop.example ="),
        virtual_mailbox_maps=table({"info@shop.example": "bob", "@shop.example": "nobody"}),
    )
    assert ends(made, "info+a@shop.example") == ["bob+a"]
    assert "User unknown" in ends(made, "x@shop.example")[0]


# aliases


def test_aliases_are_followed():
    made = addressing(
        alias_maps=table({"mailer-daemon": "postmaster", "postmaster": "root", "root": "alice"})
    )
    assert ends(made, "MAILER-DAEMON@home.test") == ["alice"]
    assert ends(made, "postmaster@localhost") == ["alice"]
    assert ends(made, "Root@[127.0.0.1]") == ["alice"]
    assert ends(made, "root@elsewhere.example") == ["smtp:elsewhere.example:25"]


def test_alias_kinds_of_targets():
    made = addressing(
        alias_maps=table(
            {"all": 'alice, x@away.example, "|/bin/cat -u", /var/mail/all, :include:/etc/list'}
        )
    )
    assert ends(made, "all@home.test") == [
        "alice",
        "smtp:away.example:25",
        "|/bin/cat -u",
        "/var/mail/all",
        ":include:/etc/list",
    ]


def test_alias_with_extension_comes_first():
    made = addressing(alias_maps=table({"secret+spam": "bob+spam", "secret": "alice"}))
    assert ends(made, "secret+spam@home.test") == ["bob+spam"]
    assert ends(made, "secret+ham@home.test") == ["alice"]


def test_a_trailing_comma_is_a_list_of_one():
    assert ends(addressing(alias_maps=inline(owner="rich,", rich="alice")), "owner@home.test") == [
        "alice"
    ]


def test_alias_to_itself_is_the_account():
    assert ends(addressing(alias_maps=inline(alice="alice, bob")), "alice@home.test") == [
        "bob",
        "alice",
    ]


def test_each_recipient_once():
    maps = inline(all="alice, ALICE, sales", sales="alice, bob")
    assert ends(addressing(alias_maps=maps), "all@home.test") == ["alice", "bob"]


@pytest.mark.parametrize(
    "entries",
    [{"a": "b", "b": "a"}, {"a": "b", "b": "c", "c": "b"}, {"a": "b, b", "b": "a"}],
)
def test_a_circle_is_refused_as_one(entries):
    loop = "554 5.4.6 <a@home.test>: mail forwarding loop: its aliases lead to itself"
    assert ends(addressing(alias_maps=table(entries)), "a@home.test") == [loop]
    whole = {
        f"{key}@x.example": value.replace(",", "@x.example,") + "@x.example"
        for key, value in entries.items()
    }
    made = addressing(virtual_alias_maps=table(whole), virtual_alias_domains="x.example")
    assert "5.4.6" in ends(made, "a@x.example")[0]


def test_a_circle_beside_others_is_passed_over():
    assert ends(addressing(alias_maps=inline(a="b, alice", b="a, bob")), "a@home.test") == [
        "bob",
        "alice",
    ]


def test_patterns_that_go_on_for_ever_are_a_loop(tmp_path):
    (tmp_path / "t").write_text("/^(.*)@x\\.example$/ a$1@x.example\n")
    made = addressing(virtual_alias_maps=f"regexp:{tmp_path}/t", virtual_alias_domains="x.example")
    assert "5.4.6" in ends(made, "a@x.example")[0]


def test_too_many():
    made = addressing(
        alias_maps=inline(a="1@x.example,2@x.example,3@x.example"), virtual_alias_expansion_limit=2
    )
    assert ends(made, "a@home.test") == [
        "451 4.6.0 <a@home.test>: alias expansion error: too many addresses"
    ]


def test_unknown_parts():
    made = addressing(alias_maps=inline(some="alice, nobody", none="nobody, no"))
    assert ends(made, "some@home.test") == ["alice", UNKNOWN.format("nobody@home.test")]
    assert ends(made, "none@home.test") == [UNKNOWN.format("nobody@home.test")]


def test_owner_makes_a_list():
    made = addressing(alias_maps=table({"club": "alice, bob", "owner-club": "carol"}))
    assert ends(made, "club@home.test") == [":alias:"]
    assert ends(made, "club@home.test", None) == ["alice", "bob"]
    assert ends(made, "owner-club@home.test") == ["carol"]


def opened(made, text, target, read_list=None, sender=SENDER):
    recipient = Recipient(Address.parse(text), target=target)
    path, members = asyncio.run(made.open_list(recipient, sender, read_list))
    return str(path), [str(one.recipient.forward_path) for one in members]


def test_members_of_a_list():
    lists = {"/l": "alice\n# no\nx@away.example, bob", "/m": ":include:/l\n:include:/m\ncarol"}

    async def read_list(path):
        return lists[path]

    made = addressing(
        alias_maps=table({"club": "alice, :include:/m", "owner-club": "carol", "club2": "x"})
    )
    owner = "owner-club@home.test"
    everybody = ["alice@home.test", "x@away.example", "bob@home.test", "carol@home.test"]
    assert opened(made, "club@home.test", ":alias:", read_list) == (owner, everybody)
    assert opened(made, "club@home.test", ":alias:", read_list, None) == ("None", everybody)
    assert opened(made, "any@home.test", ":include:/l", read_list) == (str(SENDER), everybody[:3])


def test_programs_in_lists_need_leave():
    async def read_list(path):
        return "|/bin/true\nalice"

    for allowed, expected in ((("alias",), 1), (("alias", "include"), 2)):
        made = addressing(local={"allow_mail_to_commands": allowed})
        assert len(opened(made, "a@home.test", ":include:/l", read_list)[1]) == expected


@pytest.mark.parametrize("target", ["|/bin/true", "/var/mail/x", "~/x", ":include:x"])
def test_targets_that_may_not_be_used(target):
    local = {"allow_mail_to_commands": (), "allow_mail_to_files": ()}
    made = addressing(local=local, alias_maps=table({"a": target, "b": f"{target}, alice"}))
    assert ends(made, "a@home.test") == ["451 4.3.5 <a@home.test>: Local configuration error"]
    assert ends(made, "b@home.test") == ["alice"]


def test_a_part_of_the_key_never_names_a_program(tmp_path):
    (tmp_path / "t").write_text("/^x-(.*)$/ |$1\n")
    made = addressing(alias_maps=f"regexp:{tmp_path}/t")
    assert ends(made, '"x-/bin/sh"@home.test') == [
        "451 4.3.5 <x-/bin/sh@home.test>: Local configuration error"
    ]


def test_original_recipient_is_kept():
    made = addressing(alias_maps=inline(sales="alice"))
    (one,) = resolve(made, "Sales@home.test").accepted
    assert one.recipient.original.text == "Sales@home.test"
    (one,) = resolve(made, "bob@home.test").accepted
    assert one.recipient.original is None


# tables that cannot answer


@pytest.mark.parametrize(
    "setting",
    [
        "canonical_maps",
        "recipient_canonical_maps",
        "virtual_alias_maps",
        "virtual_alias_domains",
        "virtual_mailbox_domains",
        "alias_maps",
        "relocated_maps",
        "transport_maps",
        "relay_domains",
        "local_recipient_maps",
    ],
)
def test_a_table_that_cannot_answer_defers(tmp_path, setting):
    made = addressing(**{setting: f"hash:{tmp_path}/missing"})
    text = "alice@home.test" if "domains" not in setting else "a@away.example"
    resolved = resolve(made, text)
    assert isinstance(resolved.route, RouteRefused)
    assert resolved.route.reply.code == 451
    assert resolved.accepted == ()


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("canonical_maps", "a b c"),
        ("virtual_alias_maps", "<<"),
        ("transport_maps", "smtp:[a"),
    ],
)
def test_an_entry_that_means_nothing_defers(setting, value):
    made = addressing(**{setting: table({"alice@home.test": value})})
    assert ends(made, "alice@home.test")[0].startswith("451 4.3.0")


# canonical


def test_canonical_then_alias():
    """The trap of the books: canonical makes the fancy name, the alias takes it back; no loop."""
    made = addressing(
        canonical_maps=inline(alice="Alice.Blum"),
        alias_maps=table({"Alice.Blum": "alice"}),
    )
    assert ends(made, "alice@home.test") == ["alice"]
    assert ends(made, "alice.blum@home.test") == ["alice"]
    sender = asyncio.run(made.rewriter.sender(Address.parse("alice@home.test")))
    assert str(sender) == "Alice.Blum@home.test"


def test_canonical_directions():
    maps = inline(alice="Alice.Blum")
    sender, recipient = Address.parse("alice@home.test"), "alice@home.test"
    made = addressing(sender_canonical_maps=maps)
    assert str(asyncio.run(made.rewriter.sender(sender))) == "Alice.Blum@home.test"
    assert ends(made, recipient) == ["alice"]
    made = addressing(recipient_canonical_maps=maps)
    assert asyncio.run(made.rewriter.sender(sender)) == sender
    assert "Alice.Blum" in ends(made, recipient)[0]


def test_canonical_forms():
    made = addressing(
        canonical_maps=table(
            {"@old.example": "@home.test", "u@x.example": "v@y.example", "a": "b", "b": "a"}
        )
    )
    rewritten = made.rewriter.recipient
    for before, after in (
        ("bob@old.example", "bob@home.test"),
        ("u+e@x.example", "v+e@y.example"),
        ("z@x.example", "z@x.example"),
        ("a@home.test", "a@home.test"),  # ten rounds, and no further
    ):
        assert str(asyncio.run(rewritten(Address.parse(before)))) == after


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("rich@shadrach.isp.example", "rich@isp.example"),
        ("rich@a.b.isp.example", "rich@isp.example"),
        ("root@shadrach.isp.example", "root@shadrach.isp.example"),
        ("rich@keep.isp.example", "rich@keep.isp.example"),
        ("rich@isp.example", "rich@isp.example"),
        ("rich@notisp.example", "rich@notisp.example"),
        ("rich@[127.0.0.1]", "rich@[127.0.0.1]"),
    ],
)
def test_masquerade(text, expected):
    made = addressing(
        masquerade_domains=["!keep.isp.example", "isp.example"], masquerade_exceptions="Root"
    )
    assert str(asyncio.run(made.rewriter.sender(Address.parse(text)))) == expected
    assert str(asyncio.run(made.rewriter.recipient(Address.parse(text)))) == text


# who is taken mail for


def test_relay_domains():
    made = addressing(
        relay_domains=["back.example", ".sub.example"],
        relay_recipient_maps=table({"ann@back.example": "x", "@a.sub.example": "x"}),
    )
    resolved = resolve(made, "ann@back.example")
    assert resolved.route == Relay(resolved.route.next_hop, invited=True)
    assert ends(made, "bob@back.example") == [
        UNKNOWN.format("bob@back.example") + " in relay recipient table"
    ]
    assert resolve(made, "x@a.sub.example").route.invited
    assert not resolve(made, "x@sub.example").route.invited


def test_local_recipient_maps_narrow():
    made = addressing(
        local_recipient_maps=inline(alice="x", sales="x"), alias_maps=inline(sales="bob")
    )
    assert ends(made, "alice+x@home.test") == ["alice+x"]
    assert ends(made, "sales@home.test") == ["bob"]
    assert ends(made, "bob@home.test") == [
        UNKNOWN.format("bob@home.test") + " in local recipient table"
    ]


def test_an_alias_to_elsewhere_is_no_relaying():
    resolved = resolve(addressing(alias_maps=inline(fred="fred@away.example")), "fred@home.test")
    assert resolved.route.invited


@pytest.mark.slow
@settings(deadline=None, max_examples=150)
@given(
    st.text('ab+@"<>|/:!% .,\\-é', max_size=20),
    st.dictionaries(
        st.sampled_from(["a", "b", "a@home.test", "@home.test", "b@x.example", "@x.example"]),
        st.sampled_from(["a", "b", "alice", "a, b", "@x.example", "b@x.example", "|x", "alice, a"]),
        max_size=5,
    ),
    st.sampled_from(["alias_maps", "virtual_alias_maps", "canonical_maps"]),
)
def test_every_address_has_an_end(text, entries, setting):
    """Whatever the tables say, an address has an end, and none is met twice."""
    made = addressing(**{setting: (table(entries),) if entries else ()})
    try:
        address = Address.parse(f"{text}@home.test")
    except ValueError:
        return
    resolved = resolve(made, str(address))
    found = [
        (str(one.recipient.forward_path).lower(), one.recipient.target) for one in resolved.accepted
    ]
    assert len(set(found)) == len(found)
    assert isinstance(resolved.route, RouteRefused) or found


def test_wrong_settings():
    for name, value in (("relay_domains", "not a domain"), ("alias_maps", "hsh:/x")):
        with pytest.raises(ConfigError) as caught:
            Router(SITE, Accounts(), addresses=AddressSettings(**{name: (value,)}))
        assert caught.value.parameter == name
    assert LocalSettings().allow_mail_to_commands == ("alias", "forward")
    assert "hash" in TABLE_TYPES


def test_what_policy_is_told_of_a_sender():
    made = addressing(alias_maps=inline(sales="x@away.example"), relay_domains="back.example")
    for text, refused in (
        ("sales@home.test", False),
        ("alice@home.test", False),
        ("nobody@home.test", True),
        ("x@back.example", False),
        ("x@elsewhere.example", False),
    ):
        route = asyncio.run(made.route(Address.parse(text)))
        assert isinstance(route, RouteRefused) is refused


def test_aliases_in_a_database(tmp_path):
    """The books' table of customers: only those who paid have an address."""
    with sqlite3.connect(tmp_path / "db") as connection:
        connection.executescript(
            "CREATE TABLE customers (alias_name TEXT, system_name TEXT, status TEXT);"
            "INSERT INTO customers VALUES ('jessica.blum', 'alice', 'paid'),"
            " ('richard.blum', 'bob', 'unpaid'), ('first', 'bob', 'paid');"
        )
    connection.close()
    (tmp_path / "aliases.cf").write_text(
        "dbpath = db\nselect_field = system_name\ntable = customers\nwhere_field = alias_name\n"
        "additional_conditions = and status = 'paid'\n"
    )
    made = addressing(alias_maps=[inline(first="carol"), f"sqlite:{tmp_path}/aliases.cf"])
    for text in ("Jessica.Blum@home.test", "JESSICA.BLUM@home.test"):
        assert ends(made, text) == ["alice"]
    assert ends(made, "first@home.test") == ["carol"]
    for text in ("richard.blum@home.test", "o'hara@home.test", '"a\\\\b"@home.test'):
        assert ends(made, text) == [UNKNOWN.format(Address.parse(text))]
    made.router.tables.close()
