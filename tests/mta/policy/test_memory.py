# SPDX-License-Identifier: MIT
"""Greylisting, limits of senders, and the memory they share."""

from __future__ import annotations

import sqlite3

import pytest

from homemail.model.address import account_id
from homemail.mta.policy.greylist import network
from tests.mta.policy.world import NOW, context, facilities, said

WAIT = (
    "450 4.2.0 <alice@home.test>: Recipient address rejected: Greylisted, come back in {} seconds"
)


class Clock:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def around(tmp_path, clock):
    made = facilities(tmp_path / "ledger" / "policy.sqlite", clock)
    yield made
    made.ledger.close()


def grey(around, **more) -> str:
    return said(context(around=around, **more), "check_greylist")


def test_who_comes_back_is_known(around, clock):
    assert grey(around) == WAIT.format(300)
    clock.now += 100
    assert grey(around) == WAIT.format(200)
    clock.now += 201
    assert grey(around) == ""
    clock.now += 30 * 86400
    assert grey(around) == ""
    clock.now += 36 * 86400
    assert grey(around) == WAIT.format(300)


def test_who_comes_back_too_late_is_unknown(around, clock):
    grey(around)
    clock.now += 172801
    assert grey(around) == WAIT.format(300)


def test_each_sender_recipient_and_network_is_known_for_itself(around, clock):
    grey(around)
    clock.now += 301
    assert grey(around, client="198.51.100.77") == ""
    assert grey(around, client="198.51.101.1") != ""
    assert grey(around, sender="b@mail.example") != ""
    assert grey(around, sender=None) != ""
    assert grey(around, recipient="bob@home.test") != ""


def test_senders_of_lists_count_as_one(around, clock):
    grey(around, sender="bounce-12345@mail.example")
    clock.now += 301
    assert grey(around, sender="bounce-99999@mail.example") == ""


def test_a_client_that_always_comes_back_is_not_asked_any_more(around, clock):
    for number in range(5):
        grey(around, sender=f"s{chr(97 + number)}@mail.example")
        clock.now += 301
        assert grey(around, sender=f"s{chr(97 + number)}@mail.example") == ""
    assert grey(around, sender="new@mail.example") == ""


def test_members_of_the_house_are_not_asked(around):
    assert grey(around, submitter=account_id("alice")) == ""


def test_a_clock_that_was_set_back_makes_nobody_wait(around, clock):
    grey(around)
    clock.now -= 10 * 365 * 86400
    assert grey(around) == WAIT.format(300)
    clock.now += 301
    assert grey(around) == ""


def test_it_is_remembered_over_a_restart(tmp_path, clock):
    path = tmp_path / "ledger" / "policy.sqlite"
    first = facilities(path, clock)
    grey(first)
    first.ledger.close()
    clock.now += 301
    second = facilities(path, clock)
    assert grey(second) == ""
    second.ledger.close()
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_memory_that_cannot_be_read_defers(tmp_path, clock):
    path = tmp_path / "ledger" / "policy.sqlite"
    path.parent.mkdir()
    path.write_bytes(b"no database " * 100)
    broken = facilities(path, clock)
    assert grey(broken).startswith("451 4.3.0 ")
    broken.ledger.close()


def test_what_is_over_is_forgotten(around, clock, tmp_path):
    grey(around)
    clock.now += 40 * 86400
    for number in range(500):
        grey(around, recipient=f"alice+{number}@home.test")
    around.ledger.close()
    rows = sqlite3.connect(tmp_path / "ledger" / "policy.sqlite").execute(
        "SELECT count(*) FROM greylist WHERE until < ?", (clock.now,)
    )
    assert rows.fetchone() == (0,)


@pytest.mark.parametrize(
    ("host", "net"),
    [
        ("192.0.2.77", "192.0.2.0/24"),
        ("::ffff:192.0.2.77", "192.0.2.0/24"),
        ("2001:db8:1:2:3::4", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("odd", "odd"),
    ],
)
def test_network(host, net):
    assert network(host) == net


def test_sender_rate(tmp_path, clock):
    around = facilities(tmp_path / "ledger" / "p.sqlite", clock, sender_rate_limit=3)
    reply = (
        "450 4.7.1 <a@mail.example>: Sender address rejected: too many recipients, try again later"
    )

    def send(**more) -> str:
        return said(context(around=around, **more), "check_sender_rate")

    assert [send() for _ in range(4)] == ["", "", "", reply]
    assert send(sender="b@mail.example") == ""
    assert send(submitter=account_id("alice")) == ""
    assert send(sender=None) == ""
    clock.now += 3601
    assert send() == ""
    around.ledger.close()
