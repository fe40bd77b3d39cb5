# SPDX-License-Identifier: MIT
from __future__ import annotations

import pytest

from homemail.auth.tickets import LIFE_SECONDS, Tickets
from homemail.model.address import AccountId

ALICE, BOB = AccountId("alice"), AccountId("bob")


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_once_for_its_account():
    tickets = Tickets(Clock())
    ticket = tickets.issue(ALICE)
    assert ticket != tickets.issue(ALICE)
    assert not tickets.redeem(ticket, BOB)
    assert tickets.redeem(ticket, ALICE)
    assert not tickets.redeem(ticket, ALICE)


def test_for_seconds_only():
    clock = Clock()
    tickets = Tickets(clock)
    old, young = tickets.issue(ALICE), tickets.issue(ALICE)
    clock.now += LIFE_SECONDS - 1
    assert tickets.redeem(young, ALICE)
    clock.now += 2
    assert not tickets.redeem(old, ALICE)
    tickets.redeem(tickets.issue(ALICE), ALICE)
    assert len(tickets._used) == 1  # what has expired is not remembered


def test_of_the_same_key_only():
    clock = Clock()
    assert not Tickets(clock).redeem(Tickets(clock).issue(ALICE), ALICE)
    key = b"k" * 32
    assert Tickets(clock, key).redeem(Tickets(clock, key).issue(ALICE), ALICE)


@pytest.mark.parametrize("ticket", ["", ".", "..", "a.b.c", "\udcff.x.y", "0" * 10_000])
def test_nonsense(ticket):
    assert not Tickets(Clock()).redeem(ticket, ALICE)


def test_every_letter_counts():
    tickets = Tickets(Clock())
    ticket = tickets.issue(ALICE)
    for at, letter in enumerate(ticket):
        changed = ticket[:at] + ("0" if letter != "0" else "1") + ticket[at + 1 :]
        assert not tickets.redeem(changed, ALICE)
    assert tickets.redeem(ticket, ALICE)
