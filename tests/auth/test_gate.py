# SPDX-License-Identifier: MIT
from __future__ import annotations

import asyncio

import pytest

from homemail.auth.failures import Patience
from homemail.auth.gate import Gate
from homemail.model.session import Peer


class Time:
    """A clock that only sleeping moves."""

    def __init__(self) -> None:
        self.now = 0.0
        self.slept: list[float] = []

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


STRANGER, NEIGHBOUR = Peer("192.0.2.1", 1), Peer("192.0.2.2", 1)


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def gate(time) -> Gate:
    return Gate(Patience(2.0, 15.0, 600.0, 5), lambda: time.now, time.sleep)


def enter(gate: Gate, name: str, peer: Peer = STRANGER, **more: bool) -> bool:
    return asyncio.run(gate.enter(name, peer, **more))


def fail(gate: Gate, name: str, peer: Peer = STRANGER, times: int = 1) -> None:
    for n in range(times):
        gate.failed(name, peer, f"{name}{n}{peer}".encode())


def test_the_first_try_and_the_one_after_success_do_not_wait(gate, time):
    assert enter(gate, "alice")
    fail(gate, "alice")
    assert enter(gate, "alice")
    gate.passed("alice", STRANGER)
    assert enter(gate, "alice")
    assert time.slept == [2.0]


def test_a_client_waits_whatever_name_it_tries(gate, time):
    fail(gate, "alice", times=2)
    assert enter(gate, "bob")
    assert time.slept == [4.0]


def test_a_name_waits_wherever_it_is_tried(gate, time):
    fail(gate, "alice", times=2)
    assert enter(gate, "ALICE", NEIGHBOUR)
    assert enter(gate, "bob", NEIGHBOUR)
    assert time.slept == [4.0]


def test_a_remembered_password_does_not_wait_for_the_failures_of_others(gate, time):
    fail(gate, "bob", times=5)
    assert enter(gate, "alice", remembered=True)
    assert not enter(gate, "alice")
    assert time.slept == []


def test_a_remembered_password_cannot_be_guessed_fast(gate):
    for n in range(10):
        fail(gate, "alice", Peer(f"192.0.2.{n}", 1))
    fail(gate, "alice", STRANGER, times=5)
    assert not enter(gate, "alice", remembered=True)


def test_locked_out(gate):
    gate.failed("alice", STRANGER, b"1")
    assert not any(gate.failed("alice", STRANGER, b"%d" % n) for n in range(2, 5))
    assert gate.failed("alice", STRANGER, b"5")
    assert not gate.failed("alice", STRANGER, b"6")
    assert not enter(gate, "bob")
    assert enter(gate, "bob", NEIGHBOUR)


def test_tries_that_would_wait_too_long_are_sent_away(time):
    gate = Gate(Patience(2.0, 15.0, 600.0, 1000), lambda: time.now, no_sleep)
    fail(gate, "alice", times=10)
    assert [enter(gate, "bob") for _ in range(4)] == [True, True, False, False]


async def no_sleep(seconds: float) -> None:
    """Let everybody wait at the same time."""


def test_a_webmail_on_this_machine_is_not_locked_out_for_one_user(gate):
    local = Peer("127.0.0.1", 1)
    fail(gate, "alice", local, times=5)
    assert not enter(gate, "alice", local)
    assert enter(gate, "bob", local)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("2001:db8::1", "2001:db8::ffff", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("::ffff:192.0.2.1", "192.0.2.1", True),
        ("192.0.2.1", "192.0.2.2", False),
        ("fe80::1%eth0", "fe80::2%eth0", True),
        ("socket", "socket", True),
    ],
)
def test_clients_that_are_one(gate, one, other, same):
    fail(gate, "alice", Peer(one, 1), times=5)
    assert enter(gate, "bob", Peer(other, 2)) is not same
