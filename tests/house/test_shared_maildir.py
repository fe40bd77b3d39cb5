# SPDX-License-Identifier: MIT
"""Other programs in a Maildir that a client is looking at: it is told at once."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import time

import pytest

from tests.house.server import need
from tests.house.test_first_mail import LETTER

pytestmark = [pytest.mark.slow, pytest.mark.real]

SOON = 5.0
"""Seconds; it takes a tenth of one, and machines that run tests are busy."""


class Idle:
    """A client that waits for news of alice's INBOX."""

    def __init__(self, house) -> None:
        self._socket = socket.create_connection(("127.0.0.1", house.port("imap")), 60)
        self._lines = self._socket.makefile("rb")
        for tag, command in enumerate((f"LOGIN alice {house.password('alice')}", "SELECT INBOX")):
            self._socket.sendall(f"{tag} {command}\r\n".encode())
            self.wait(rf"{tag} OK")
        self._socket.sendall(b"2 IDLE\r\n")
        self.wait(r"\+ ")

    def wait(self, pattern: str) -> float:
        """Read until a line matches; return when that was."""
        while not re.match(pattern, line := self._lines.readline().decode()):
            assert line, f"closed before {pattern}"
        return time.time()

    def close(self) -> None:
        self._lines.close()
        self._socket.close()


@pytest.fixture
def idle(house):
    house.send(LETTER)
    house.send(LETTER)
    idle = Idle(house)
    yield idle
    idle.close()


def test_mutt_flags_and_deletes(house, idle, tmp_path):
    need("mutt")
    settings = tmp_path / "muttrc"
    maildir = house.home("alice") / "Maildir"
    settings.write_text(
        f"set folder={maildir}\nset spoolfile={maildir}\nset confirmappend=no\nset copy=no\n"
        "set mbox_type=Maildir\nset delete=yes\nset move=no\nset quit=yes\nset beep=no\n"
        "set wait_key=no\nset sort=mailbox-order\n"
    )
    keys = "<first-entry><flag-message><last-entry><delete-message><quit>"
    subprocess.run(
        ["script", "-qec", f"mutt -F {settings} -e 'push {keys}'", "/dev/null"],
        stdout=subprocess.DEVNULL,
        env={**os.environ, "TERM": "xterm", "LC_ALL": "C.UTF-8", "HOME": str(tmp_path)},
        timeout=25,
        check=True,
    )
    ended = time.time()
    idle.wait(r"\* \d+ (FETCH .*\\Flagged|EXPUNGE)")
    assert idle.wait(r"\* \d+ (FETCH .*\\Flagged|EXPUNGE)") < ended + SOON
    assert len(house.messages()) == 1


def test_procmail_delivers(house, idle, tmp_path):
    need("procmail")
    maildir = house.home("alice") / "Maildir"
    rc = tmp_path / "procmailrc"
    rc.write_text(f":0\n{maildir}/\n")
    rc.chmod(0o600)
    subprocess.run(
        ["procmail", "-m", str(rc)], input=LETTER.replace(b"\r\n", b"\n"), check=True, timeout=60
    )
    ended = time.time()
    assert idle.wait(r"\* 3 EXISTS") < ended + SOON
    assert len(house.messages()) == 3
