# SPDX-License-Identifier: MIT
"""What the columns answer is what looking at each message would."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from homemail.model import search as keys
from homemail.model.address import AccountId
from homemail.model.mailbox import FLAGGED, INBOX, SEEN, Flag
from homemail.model.message import MemoryContent
from homemail.store.api import Actor, NewMessage
from homemail.store.maildir import MaildirStore
from homemail.store.memory import MemoryStore

ALICE = Actor(AccountId("alice"))
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
JUNK = Flag("$Junk")

plain = st.one_of(
    st.just(keys.All()),
    st.just(keys.Recent()),
    st.sampled_from([SEEN, FLAGGED, JUNK, Flag("nobody"), Flag("\\SEEN")]).map(keys.HasFlag),
    st.integers(0, 90).map(keys.Larger),
    st.integers(0, 90).map(keys.Smaller),
    st.integers(1, 9).map(keys.ModSeqSince),
    st.integers(0, 9 * 86400).map(keys.Younger),
    st.integers(0, 9 * 86400).map(keys.Older),
    st.sampled_from(["tea", "soup"]).map(lambda text: keys.HeaderHas("subject", text)),
    st.lists(st.tuples(st.integers(1, 12), st.integers(1, 12)).map(sorted).map(tuple), max_size=3)
    .map(tuple)
    .map(keys.UidIn),
    st.builds(
        keys.InternalDate,
        st.sampled_from(keys.When),
        st.integers(0, 9).map(lambda days: date(2026, 2, 22) + timedelta(days=days)),
    ),
)
programs = st.recursive(
    plain,
    lambda inner: st.one_of(
        inner.map(keys.Not),
        st.builds(keys.Or, inner, inner),
        st.lists(inner, max_size=3).map(tuple).map(keys.And),
    ),
    max_leaves=6,
)


def message(number: int) -> NewMessage:
    text = f"Subject: {'tea' if number % 2 else 'soup'}\r\n\r\n{'x' * number * 7}\r\n".encode()
    flags = {flag for bit, flag in enumerate((SEEN, FLAGGED, JUNK)) if number >> bit & 1}
    when = NOON - timedelta(hours=number * 17)
    return NewMessage(MemoryContent(text), frozenset(flags), when)


@pytest.fixture(scope="module")
def mailboxes(tmp_path_factory):
    home = tmp_path_factory.mktemp("home")
    stores = [
        MemoryStore(AccountId("alice"), now=NOON.timestamp),
        MaildirStore(AccountId("alice"), home, "Maildir/", now=NOON.timestamp),
    ]
    opened = []
    for store in stores:
        for number in range(10):
            store.append(INBOX, [message(number)], ALICE)
        opened.append(store.open(INBOX, ALICE))
        opened[-1].snapshot()
    yield opened
    for store in stores:
        store.close()


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(programs)
def test_both_stores_find_the_same(mailboxes, program):
    twin, maildir = mailboxes
    assert maildir.read_search(program) == twin.read_search(program)
