# SPDX-License-Identifier: MIT
from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from homemail.model.address import Address, Domain
from homemail.model.envelope import (
    Body,
    Envelope,
    Notify,
    Origin,
    OriginalRecipient,
    Recipient,
    Ret,
)
from homemail.model.queue import (
    LineTime,
    QueuedRecipient,
    QueueEntry,
    QueueState,
    RecipientStatus,
)
from homemail.model.reply import Reply
from homemail.mta.queue.record import (
    CorruptRecord,
    NewerRecord,
    Stored,
    apply_change,
    check_format,
    decode_head,
    encode_change,
    encode_head,
)

WHEN = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
texts = st.text(max_size=20)
addresses = st.builds(
    Address,
    st.from_regex(r"[a-zé]{1,8}( [a-z\"\\]{1,4})?", fullmatch=True).filter(
        lambda text: text.isascii() or " " not in text
    ),
    st.sampled_from(["far.test", "[192.0.2.1]", "παράδειγμα.test"]).map(Domain.parse),
)
notifies = st.integers(0, 7).map(Notify)
recipients = st.builds(
    Recipient,
    addresses,
    st.none() | st.builds(OriginalRecipient, st.sampled_from(["rfc822", "utf-8"]), texts),
    notifies,
)
envelopes = st.builds(
    Envelope,
    st.none() | addresses,
    st.lists(recipients, max_size=4).map(tuple),
    st.sampled_from(["T1", "T2"]),
    st.sampled_from(list(Origin)),
    st.none() | st.sampled_from(list(Ret)),
    st.none() | texts,
    st.sampled_from(list(Body)),
    st.booleans(),
    st.none() | texts,
    st.none() | texts,
    st.dictionaries(texts, texts, max_size=3),
)
replies = st.builds(Reply, st.integers(200, 599), st.sampled_from(["", "5.1.1"]), texts)
outcomes = st.tuples(
    st.sampled_from(list(RecipientStatus)), st.none() | replies, notifies, texts, st.booleans()
)
times = st.floats(0, 1e12).map(LineTime)


@st.composite
def stored_entries(draw):
    envelope = draw(envelopes)
    entry = QueueEntry(
        id="T1",
        envelope=envelope,
        recipients=tuple(QueuedRecipient(recipient) for recipient in envelope.recipients),
        state=draw(st.sampled_from(list(QueueState))),
        size=draw(st.integers(0, 2**40)),
        received_at=draw(st.datetimes(timezones=st.just(UTC))),
    )
    return Stored(entry, draw(times))


@st.composite
def changed(draw, stored):
    queued = tuple(
        replace(one, status=status, last_reply=reply, notified=notified, relay=relay) if do else one
        for one in stored.entry.recipients
        for status, reply, notified, relay, do in [draw(outcomes)]
    )
    entry = replace(
        stored.entry,
        recipients=queued,
        state=draw(st.sampled_from(list(QueueState))),
        attempts=draw(st.integers(0, 1000)),
        next_attempt=draw(times),
    )
    return replace(stored, entry=entry, faults=draw(st.integers(0, 3)))


@given(stored_entries())
@settings(deadline=None, max_examples=60)
def test_head_there_and_back(stored):
    line = encode_head(stored)
    assert line.count(b"\n") == 1
    assert decode_head(line) == stored


@given(st.data())
@settings(deadline=None, max_examples=60)
def test_change_there_and_back(data):
    old = data.draw(stored_entries())
    new = data.draw(changed(old))
    line = encode_change(old, new, WHEN, LineTime(7.0))
    assert line.count(b"\n") == 1
    assert apply_change(old, line) == (new, 7.0)


@given(st.binary(max_size=60) | st.text(max_size=60).map(str.encode))
@settings(deadline=None, max_examples=100)
def test_rubbish_is_corrupt(line):
    with pytest.raises(CorruptRecord):
        decode_head(line)


def test_formats():
    check_format(b"homemail-queue 1\n")
    with pytest.raises(NewerRecord, match="homemail-queue 12"):
        check_format(b"homemail-queue 12\n")
    for line in (b"", b"homemail-queue 1", b"homemail-queue x\n", b"homemail-state 1\n"):
        with pytest.raises(CorruptRecord):
            check_format(line)
