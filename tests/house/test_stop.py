# SPDX-License-Identifier: MIT
"""A signal while sessions of every kind are open: quick, nothing lost, nothing half filed."""

from __future__ import annotations

import shlex
import signal
import socket
import time
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

SECONDS = 5


class Line:
    """A dialogue line by line."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), 20)
        self.file = self.socket.makefile("rb")

    def say(self, *lines: bytes) -> bytes:
        """Send each line, and return the last line of the last answer."""
        answer = b""
        for line in lines:
            self.socket.sendall(line + b"\r\n")
            answer = self.file.readline()
            while answer[3:4] == b"-":
                answer = self.file.readline()
        return answer

    def rest(self) -> bytes:
        try:
            return self.file.read()
        except OSError:
            return b""


def half_a_message(port: int, hello: bytes, *recipients: bytes) -> Line:
    line = Line(port)
    line.file.readline()
    to = [b"RCPT TO:<%s@home.test>" % name for name in recipients]
    assert line.say(hello, b"MAIL FROM:<a@elsewhere.example>", *to, b"DATA").startswith(b"354")
    line.socket.sendall(b"Subject: half\r\n\r\n" + b"half\r\n" * 60_000)
    return line


def run_slowly(home: Path) -> None:
    """Let the owner's mail go to a program that does not end by itself."""
    script = home / "slow.sh"
    script.write_text("#!/bin/sh\ncat > got.$$\nexec sleep 600\n")
    script.chmod(0o700)
    (home / ".forward").write_text(f'"|{shlex.quote(str(script))}"\n')


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_every_session_ends_in_time(new_house, how):
    house = new_house().start()
    run_slowly(house.home("carol"))
    house.send(b"Subject: program\r\n\r\nkept\r\n", "carol@home.test")
    idle = house.imap("alice")
    idle.select("INBOX")
    idle.send(b"x IDLE\r\n")
    assert idle.readline().startswith(b"+")
    pop3 = house.pop3("alice")
    pop3.dele(1)
    half = [
        half_a_message(house.port("smtp"), b"EHLO x", b"alice", b"bob"),
        half_a_message(house.port("lmtp"), b"LHLO x", b"alice", b"bob"),
    ]
    appending = house.imap("bob")
    appending.send(b"x APPEND INBOX {1000}\r\n")
    assert appending.readline().startswith(b"+")
    appending.send(b"half")
    waiting = [Line(house.port(name)) for name in ("smtp", "submissions", "imaps", "managesieve")]
    house.send(b"Subject: answered\r\n\r\nlast\r\n", "alice@home.test", "bob@home.test")
    begun = time.monotonic()
    assert house.stop(how) == 0
    assert time.monotonic() - begun < SECONDS
    assert b"* BYE" in idle.file.read()
    for line in half:
        assert b"421 4.3.2" in line.rest()
    for line in waiting:
        line.rest()
    house.start()
    assert [m.split(b"Subject: ")[1][:8] for m in house.messages("alice")] == [
        b"Welcome ",
        b"answered",
    ]
    assert len(house.messages("bob")) == 1
    assert "carol@home.test" in house.command("queue", "list")
