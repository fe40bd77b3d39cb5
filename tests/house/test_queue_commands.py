# SPDX-License-Identifier: MIT
"""``homemail queue`` changes what waits, with a running server and without one."""

from __future__ import annotations

import json
import smtplib

import pytest

from tests.house.server import homemail, wait_for

pytestmark = pytest.mark.slow


def submit(house) -> str:
    """Let alice write to somebody elsewhere; return the queue id."""
    letter = b"From: alice@home.test\r\nSubject: away\r\n\r\nhello\r\n"
    with smtplib.SMTP("127.0.0.1", house.port("submission"), timeout=30) as client:
        client.login("alice", house.password("alice"))
        client.mail("alice@home.test")
        client.rcpt("friend@elsewhere.example")
        code, text = client.data(letter)
    assert code == 250
    return text.split()[-1].decode()


def listed(house, queue_id: str) -> dict | None:
    lines = house.command("queue", "list", "--json").splitlines()
    found = [entry for line in lines if (entry := json.loads(line))["queue_id"] == queue_id]
    return found[0] if found else None


def test_hold_release_flush_and_remove(new_house):
    house = new_house(settings='relayhost = "[127.0.0.1]:9"\n').start()  # nobody answers there
    queue_id = submit(house)
    house.command("queue", "hold", queue_id)
    wait_for(lambda: listed(house, queue_id)["queue_name"] == "hold")
    house.command("queue", "release", queue_id)
    wait_for(lambda: listed(house, queue_id)["queue_name"] == "deferred")
    house.command("queue", "flush")
    house.command("queue", "retry", queue_id)
    house.stop()
    refused = homemail("queue", "flush", "--directory", house.directory)
    assert refused.returncode == 1
    assert "no server is running" in refused.stderr
    house.command("queue", "remove", queue_id)
    assert listed(house, queue_id) is None


def test_an_id_that_is_not_there_is_told(house):
    done = homemail("queue", "hold", "nothing", "--directory", house.directory)
    assert done.returncode == 1
    assert "nothing: no such message in the queue" in done.stderr
