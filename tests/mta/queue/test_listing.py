# SPDX-License-Identifier: MIT
from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime

from homemail.model.envelope import Envelope, Origin
from homemail.model.queue import QueuedRecipient, QueueEntry, QueueState, RecipientStatus
from homemail.model.reply import Reply
from homemail.mta.queue.listing import mailq_json, mailq_lines
from tests.mta.queue.samples import envelope

WHEN = datetime(2000, 10, 11, 13, 7, 4, tzinfo=UTC)


def entry(queue_id, *recipients, reason="", state=QueueState.INCOMING, size=717, **fields):
    sample = envelope(*recipients, **fields)
    reply = Reply(451, "4.4.1", reason) if reason else None
    queued = tuple(QueuedRecipient(one, last_reply=reply) for one in sample.recipients)
    return QueueEntry(queue_id, sample, queued, state, size, WHEN)


def test_empty():
    assert list(mailq_lines([])) == ["Mail queue is empty"]
    assert list(mailq_json([])) == []


def test_the_classic_form():
    active = entry("4AB61C365", "rich@far.test", state=QueueState.ACTIVE)
    waiting = entry(
        "4AB61C366",
        "a@far.test",
        "b@far.test",
        sender=None,
        state=QueueState.DEFERRED,
        reason="connect to mx.far.test[192.0.2.1]:25: Connection refused",
    )
    assert list(mailq_lines([active, waiting], UTC)) == [
        "-Queue ID-  --Size-- ----Arrival Time---- -Sender/Recipient-------",
        "4AB61C365*       717 Wed Oct 11 13:07:04  alice@home.test",
        " " * 41 + "rich@far.test",
        "",
        "4AB61C366        717 Wed Oct 11 13:07:04  MAILER-DAEMON",
        "(connect to mx.far.test[192.0.2.1]:25: Connection refused)",
        " " * 41 + "a@far.test",
        " " * 41 + "b@far.test",
        "",
        "-- 1 Kbytes in 2 Requests.",
    ]


def test_what_is_done_is_not_listed_and_long_names_fit():
    one = entry("4dHw8XKzPbz7qZ2", "a@far.test", "b@far.test", state=QueueState.HOLD)
    done = replace(one.recipients[0], status=RecipientStatus.RELAYED)
    lines = list(mailq_lines([replace(one, recipients=(done, one.recipients[1]))], UTC))
    assert lines[1].startswith("4dHw8XKzPbz7qZ2! ")
    assert lines[0].index("--Size--") + 8 == lines[1].index("717") + 3
    assert lines[2].strip() == "b@far.test"
    assert lines[-1] == "-- 0 Kbytes in 1 Request."


def test_corrupt():
    bare = Envelope(None, (), "T1", Origin.LOCAL)
    lines = list(mailq_lines([QueueEntry("T1", bare, (), QueueState.CORRUPT, 9, WHEN)], UTC))
    assert lines[2] == "(corrupt: the file is kept as corrupt/T1)"


def test_a_reply_cannot_forge_lines():
    forged = entry("T1", "a@far.test", reason="no\x1b[2J\u2028-- 0 Kbytes in 0 Requests.")
    assert all("\x1b" not in line and "\u2028" not in line for line in mailq_lines([forged], UTC))


def test_json():
    (line,) = mailq_json([entry("T1", "a@far.test", reason="busy", state=QueueState.DEFERRED)])
    assert json.loads(line) == {
        "queue_name": "deferred",
        "queue_id": "T1",
        "arrival_time": int(WHEN.timestamp()),
        "message_size": 717,
        "attempts": 0,
        "sender": "alice@home.test",
        "recipients": [{"address": "a@far.test", "delay_reason": "busy"}],
    }
