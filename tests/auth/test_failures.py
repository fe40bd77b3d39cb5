# SPDX-License-Identifier: MIT
from __future__ import annotations

import pytest

from homemail.auth.failures import Failures, Patience

PATIENCE = Patience(first=2.0, longest=15.0, memory=600.0, most_failures=20)


@pytest.fixture
def failures() -> Failures:
    return Failures(PATIENCE)


def test_nobody_waits_at_first(failures):
    assert failures.wait("a", 0.0) == failures.take_turn("a", 0.0) == 0.0
    assert not failures.locked_out("a", 0.0)


def test_waits_double_up_to_the_longest(failures):
    now, waits = 0.0, []
    for n in range(6):
        failures.failed("a", b"%d" % n, now)
        waits.append(failures.wait("a", now))
        now += waits[-1]
    assert waits == [2.0, 4.0, 8.0, 15.0, 15.0, 15.0]
    assert failures.wait("b", now) == 0.0


def test_turns_come_one_behind_the_other(failures):
    for n in range(3):
        failures.failed("a", b"%d" % n, 0.0)
    assert [failures.take_turn("a", 0.0) for _ in range(3)] == [8.0, 16.0, 24.0]


def test_the_same_wrong_password_counts_once(failures):
    for _ in range(50):
        failures.failed("a", b"old", 0.0)
    assert failures.count("a", 0.0) == 1
    assert failures.wait("a", 0.0) == 2.0


def test_locked_out_until_it_is_forgotten(failures):
    for n in range(20):
        assert not failures.locked_out("a", 0.0)
        failures.failed("a", b"%d" % n, 0.0)
    assert failures.locked_out("a", 600.0)
    assert not failures.locked_out("a", 601.0)
    assert failures.count("a", 601.0) == 0


def test_one_who_knows_the_password_is_forgiven(failures):
    failures.failed("a", b"x", 0.0)
    failures.forget("a")
    failures.forget("never seen")
    assert failures.wait("a", 0.0) == 0.0


def test_a_table_does_not_grow_for_ever(failures, monkeypatch):
    monkeypatch.setattr("homemail.auth.failures._MOST_KEYS", 10)
    for n in range(100):
        failures.failed(str(n), b"", 0.0)
    assert len(failures._records) == 10
    assert failures.count("99", 0.0) == 1
