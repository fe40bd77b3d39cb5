# SPDX-License-Identifier: MIT
"""Threads of RFC 5256, its trees, and mailboxes that somebody made to hurt."""

from __future__ import annotations

import time

import pytest

from homemail.imap.extensions.thread import written
from homemail.message.threads import Entry, by_references, by_subject, message_ids


def entry(number: int, own: str, *references: str, subject: str = "", reply: bool = False) -> Entry:
    ids = tuple(text.encode() for text in references)
    return Entry(number, own.encode(), ids, float(number), subject, reply)


def threads(*entries: Entry) -> str:
    return b"".join(written(by_references(entries))).decode()


def test_the_tree_of_the_rfc() -> None:
    assert (
        threads(
            entry(2, "2"),
            entry(3, "3"),
            entry(6, "6", "3"),
            entry(4, "4", "3", "6"),
            entry(23, "23", "3", "6", "4"),
            entry(44, "44", "3", "6"),
            entry(7, "7", "44"),
            entry(96, "96", "44", "7"),
        )
        == "(2)(3 6 (4 23)(44 7 96))"
    )


def test_siblings_of_a_parent_that_is_not_here() -> None:
    assert threads(entry(3, "3", "gone"), entry(5, "5", "gone")) == "((3)(5))"
    assert threads(entry(3, "3", "gone"), entry(5, "5", "gone", "3")) == "(3 5)"


def test_an_answer_that_stands_before_its_question() -> None:
    assert threads(entry(1, "b", "a"), entry(2, "a")) == "(2 1)"


def test_two_messages_with_one_id() -> None:
    assert threads(entry(1, "a"), entry(2, "a"), entry(3, "c", "a")) == "(1 3)(2)"


def test_truncated_references_are_mended() -> None:
    # "c" is linked below "a" first; its own references say "b".
    assert threads(entry(1, "a"), entry(2, "d", "a", "c"), entry(3, "c", "b"), entry(4, "b")) == (
        "(1)(4 3 2)"
    )


def test_loops_are_not_made() -> None:
    assert threads(entry(1, "a", "b"), entry(2, "b", "a")) == "(2 1)"
    assert threads(entry(1, "a", "a")) == "(1)"
    assert threads(entry(1, "a", "b", "c", "b", "a")) == "(1)"


@pytest.mark.parametrize(
    ("first", "second", "wanted"),
    [
        (False, False, "((1)(2))"),
        (False, True, "(1 2)"),
        (True, False, "(2 1)"),
        (True, True, "((1)(2))"),
    ],
)
def test_the_same_subject_joins(first: bool, second: bool, wanted: str) -> None:
    one = entry(1, "a", subject="soup", reply=first)
    assert threads(one, entry(2, "b", subject="soup", reply=second)) == wanted


def test_the_same_subject_joins_whoever_is_missing() -> None:
    a = entry(1, "a", "x", subject="soup")
    b = entry(2, "b", "x", subject="soup")
    c = entry(3, "c", "y", subject="soup")
    d = entry(4, "d", "y", subject="soup")
    assert threads(a, b, c, d) == "((1)(2)(3)(4))"
    assert threads(a, b, entry(3, "c", subject="soup")) == "((1)(2)(3))"
    assert threads(entry(1, "a"), entry(2, "b")) == "(1)(2)"  # an empty subject joins nothing


def test_threads_by_subject() -> None:
    entries = [
        entry(3, "c", subject="soup"),
        entry(1, "a", subject="soup"),
        entry(2, "b", subject="tea"),
        entry(5, "e", subject="soup"),
        entry(4, "d", subject="tea"),
    ]
    assert b"".join(written(by_subject(entries))) == b"(1 (3)(5))(2 4)"


def test_message_ids() -> None:
    assert message_ids(b'<a@b> junk <"c d"@e><"f"@g> <no end <h@i>') == [
        b"a@b",
        b"c d@e",
        b"f@g",
        b"h@i",
    ]
    assert message_ids(b'<"01KF8JCEOCBS0045PS"@xxx.yyy.com>') == [b"01KF8JCEOCBS0045PS@xxx.yyy.com"]


@pytest.mark.slow
@pytest.mark.parametrize("order", [1, -1])
def test_a_chain_as_deep_as_the_mailbox(order: int) -> None:
    count = 20_000
    entries = [entry(n, str(n), str(n - 1)) for n in range(1, count + 1)]
    begun = time.monotonic()
    told = threads(*entries[::order])
    assert told == "(" + " ".join(str(n) for n in range(1, count + 1)) + ")"
    assert time.monotonic() - begun < 10


@pytest.mark.slow
def test_many_long_lists_of_references() -> None:
    entries = [
        entry(n, str(n), *(str(n * 7919 % 5000 + k) for k in range(300))) for n in range(2000)
    ]
    begun = time.monotonic()
    threads(*entries)
    assert time.monotonic() - begun < 30
