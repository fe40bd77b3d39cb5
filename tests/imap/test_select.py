# SPDX-License-Identifier: MIT
"""Where SELECT finds the first unseen message."""

from __future__ import annotations

import pytest

from tests.imap.conftest import HELLO


@pytest.mark.parametrize("unseen", [(1,), (600,), (1200,), (3, 1100), (700, 701), ()])
def test_the_first_unseen_message(house, unseen, monkeypatch):
    monkeypatch.setattr("homemail.imap.commands.select.PLAIN_BATCH", 500)
    house.deliver("alice", *[HELLO] * 1200, flags=["\\Seen"])
    line = house.connect()
    numbers = b",".join(b"%d" % n for n in unseen)
    line.send(b"a LOGIN alice secret\r\nb SELECT INBOX\r\n")
    if unseen:
        line.send(b"c STORE %b -FLAGS.SILENT (\\Seen)\r\n" % numbers)
    line.send(b"d SELECT INBOX\r\n")
    lines = []
    while not lines or not lines[-1].startswith(b"d "):
        lines.append(line.readline())
    told = [one for one in lines if b"[UNSEEN" in one]
    assert told == ([b"* OK [UNSEEN %d] First unseen\r\n" % unseen[0]] if unseen else [])
