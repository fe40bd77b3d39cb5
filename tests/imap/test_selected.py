# SPDX-License-Identifier: MIT
"""A session's view: what is told, in which order, and how it stays true to the mailbox."""

from __future__ import annotations

import re
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from homemail.imap.patterns import Pattern
from homemail.imap.response import Refusal
from homemail.imap.selected import Selected, merged
from homemail.model.mailbox import (
    SEEN,
    Added,
    Expunged,
    Flag,
    FlagsChanged,
    ModSeq,
    SequenceSet,
    Uid,
)
from homemail.store.api import Snapshot


def view(*uids: int) -> Selected:
    mailbox = SimpleNamespace(read_only=False, permanent_keywords=True)
    snapshot = Snapshot(7, Uid(1000), ModSeq(1), uids, frozenset(), frozenset())
    return Selected(mailbox, snapshot)


def spans(*ranges) -> SequenceSet:
    return SequenceSet(ranges)


def test_numbers_and_uids():
    here = view(3, 5, 9)
    assert here.pairs(spans((1, None)), by_uid=False) == [(1, 3), (2, 5), (3, 9)]
    assert here.pairs(spans((4, 9), (5, 5)), by_uid=True) == [(2, 5), (3, 9)]
    assert here.pairs(spans((100, None)), by_uid=True) == [(3, 9)]
    assert here.uid_spans(spans((None, 2)), by_uid=False) == ((5, 9),)
    assert here.sequence_number(5) == 2
    assert here.sequence_number(4) is None
    with pytest.raises(Refusal):
        here.pairs(spans((1, 4)), by_uid=False)
    assert view().pairs(spans((1, None)), by_uid=True) == []
    with pytest.raises(Refusal):
        view().pairs(spans((None, None)), by_uid=False)


def test_expunge_waits_until_it_may_be_told():
    here = view(1, 2, 3)
    here.hear([Expunged(Uid(2), ModSeq(2)), Added(Uid(4), frozenset(), ModSeq(3))], frozenset())
    assert here.tell(expunge=False) == [b"* 4 EXISTS\r\n"]
    assert list(here.uids) == [1, 2, 3, 4]
    assert here.tell(expunge=True) == [b"* 2 EXPUNGE\r\n"]
    assert list(here.uids) == [1, 3, 4]
    assert not here.has_news


def test_what_came_and_went_is_not_told():
    here = view(1)
    here.hear(
        [
            Added(Uid(2), frozenset(), ModSeq(2)),
            FlagsChanged(Uid(2), frozenset({SEEN}), ModSeq(3)),
            Expunged(Uid(2), ModSeq(4)),
        ],
        frozenset(),
    )
    assert here.tell(expunge=False) == [b"* 1 EXISTS\r\n"]
    assert here.tell(expunge=True) == []


def test_own_changes_are_not_told_twice():
    here = view(1, 2)
    here.hear([FlagsChanged(Uid(n), frozenset({SEEN}), ModSeq(5)) for n in (1, 2)], frozenset())
    here.forget_flags([(Uid(1), ModSeq(5)), (Uid(2), ModSeq(4))])
    assert here.tell(expunge=True, mod_seq=True, uid=True) == [
        b"* 2 FETCH (UID 2 FLAGS (\\Seen) MODSEQ (5))\r\n"
    ]


def test_a_new_keyword_is_told_before_it_is_used():
    here = view(1)
    here.hear([FlagsChanged(Uid(1), frozenset({Flag("$New")}), ModSeq(5))], frozenset())
    lines = here.tell(expunge=True)
    assert lines[0].startswith(b"* FLAGS (") and b"$New" in lines[0]
    assert lines[-1] == b"* 1 FETCH (FLAGS ($New))\r\n"


@settings(deadline=None, max_examples=50)
@given(st.data())
def test_a_client_that_believes_all_it_is_told_has_the_right_numbers(data):
    """Play random changes; a client's list, kept by the responses alone, equals the view's."""
    mailbox = list(range(1, data.draw(st.integers(0, 100)) + 1))
    here = view(*mailbox)
    client = len(mailbox)
    next_uid = len(mailbox) + 1
    for mod_seq in range(2, data.draw(st.integers(3, 12))):
        changes = []
        for _ in range(data.draw(st.integers(0, 3))):
            mailbox.append(next_uid)
            changes.append(Added(Uid(next_uid), frozenset(), ModSeq(mod_seq)))
            next_uid += 1
        gone = data.draw(st.lists(st.sampled_from(mailbox), unique=True)) if mailbox else []
        for uid in gone:
            mailbox.remove(uid)
            changes.append(Expunged(Uid(uid), ModSeq(mod_seq)))
        here.hear(changes, frozenset())
        for line in here.tell(expunge=data.draw(st.booleans())):
            number, word = re.fullmatch(rb"\* (\d+) (\w+)\r\n", line).groups()
            if word == b"EXPUNGE":
                assert 1 <= int(number) <= client
                client -= 1
            else:
                assert int(number) >= client
                client = int(number)
        assert client == len(here.uids)
    here.tell(expunge=True)
    assert list(here.uids) == mailbox


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30))))
def test_merged_spans_hold_the_same_numbers(some):
    result = merged(some)
    assert sorted({n for low, high in some for n in range(low, high)}) == [
        n for low, high in result for n in range(low, high)
    ]


@pytest.mark.parametrize(
    ("pattern", "name", "matches"),
    [
        ("*", "a/b", True),
        ("%", "a/b", False),
        ("%", "a", True),
        ("%/%", "a/b", True),
        ("a*", "a", True),
        ("a*c", "a/b/c", True),
        ("a%c", "a/b/c", False),
        ("*%", "a/b", True),
        ("%*", "a/b", True),
        ("inbox", "INBOX", True),
        ("inbox/%", "INBOX/x", True),
        ("INB%", "INBOX", True),
        ("", "a", False),
        ("a", "ab", False),
    ],
)
def test_patterns(pattern, name, matches):
    assert Pattern(pattern).matches(name) is matches


def test_a_pattern_of_stars_takes_no_time():
    assert not Pattern("*a" * 200 + "b").matches("a" * 1000)
    assert not Pattern("%a" * 200 + "b").matches("a" * 1000)
