# SPDX-License-Identifier: MIT
"""``homemail queue``."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from pathlib import Path

import pytest

from homemail.model.address import AccountId, Address
from homemail.model.envelope import Envelope, Origin, Recipient, TraceId
from homemail.model.message import MemoryContent
from homemail.model.queue import QueuedRecipient, RecipientStatus
from homemail.model.reply import Reply
from homemail.mta.queue.spooled import open_queue

TRACE = TraceId("4BcDfGhJkLmNpQr")
LATER = Reply(450, "4.2.0", "come\x1b[2J again")


async def _fill(directory: Path) -> None:
    recipients = (
        Recipient(Address.parse("bob@example.org")),
        Recipient(Address.parse("carol@example.net")),
    )
    envelope = Envelope(
        Address.parse("alice@home.test"),
        recipients,
        TRACE,
        Origin.SUBMISSION,
        submitter=AccountId("alice"),
    )
    queue = await open_queue(directory)
    await queue.add(envelope, MemoryContent(b"Subject: x\r\n\r\nbody\r\n"), dormant=True)
    waiting = QueuedRecipient(recipients[0], last_reply=LATER, relay="mx[192.0.2.1]:25")
    sent = replace(QueuedRecipient(recipients[1]), status=RecipientStatus.RELAYED)
    await queue.activate(TRACE, [waiting, sent])
    await queue.close()


@pytest.fixture
def filled(directory):
    asyncio.run(_fill(directory / "queue"))
    return directory


def test_an_empty_queue(homemail, directory):
    result = homemail("queue", "list", "--directory", directory)
    assert (result.status, result.out, result.err) == (0, "Mail queue is empty\n", "")
    assert homemail("queue", "list", "--json", "--directory", directory).out == ""


def test_what_waits_is_listed(homemail, filled):
    result = homemail("queue", "list", "--directory", filled)
    assert (result.status, result.err) == (0, "")
    assert TRACE in result.out
    assert "alice@home.test" in result.out
    assert "bob@example.org" in result.out
    assert "\x1b" not in result.out
    assert homemail("--directory", filled, "queue", "list").out == result.out


def test_json(homemail, filled):
    (line,) = homemail("queue", "list", "--json", "--directory", filled).out.splitlines()
    listed = json.loads(line)
    assert (listed["queue_id"], listed["sender"]) == (TRACE, "alice@home.test")
    facts = json.loads(homemail("queue", "show", TRACE, "--json", "--directory", filled).out)
    assert facts["id"] == TRACE
    assert facts["from"] == "alice@home.test"
    assert facts["account"] == "alice"
    assert facts["size"] == 20
    assert [(to["address"], to["status"]) for to in facts["recipients"]] == [
        ("bob@example.org", "pending"),
        ("carol@example.net", "relayed"),
    ]
    assert "come" in facts["recipients"][0]["reason"]


def test_one_is_shown(homemail, filled):
    lines = homemail("queue", "show", TRACE, "--directory", filled).out.splitlines()
    assert f"id:        {TRACE}" in lines
    assert "from:      <alice@home.test>" in lines
    at = lines.index("to:        <bob@example.org> pending")
    assert lines[at + 1].strip() == "host mx[192.0.2.1]:25 said: 450 4.2.0 come\\x1b[2J again"
    assert lines[at + 2] == "to:        <carol@example.net> relayed"


def test_one_that_is_not_there(homemail, filled):
    result = homemail("queue", "show", TRACE[:-1], "--directory", filled)
    assert result.status == 1
    assert result.err.endswith(f"in the queue; did you mean {TRACE}?\n")


def test_a_queue_that_cannot_be_read(homemail, directory):
    (directory / "queue").write_text("")
    result = homemail("queue", "list", "--directory", directory)
    assert result.status == 1
    assert len(result.err.splitlines()) == 1
