# SPDX-License-Identifier: MIT
"""A whole server for the tests: ``homemail try`` in a process of its own."""

from __future__ import annotations

import errno
import imaplib
import json
import os
import poplib
import shutil
import signal
import smtplib
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

STANDARD = {
    "smtp": 25,
    "lmtp": 24,
    "submission": 587,
    "submissions": 465,
    "imap": 143,
    "imaps": 993,
    "pop3": 110,
    "pop3s": 995,
    "managesieve": 4190,
}
START_SECONDS = 60


def homemail(*words: str | Path, **more) -> subprocess.CompletedProcess[str]:
    """Run the ``homemail`` command and return what came of it."""
    return subprocess.run(
        [sys.executable, "-m", "homemail", *map(str, words)],
        capture_output=True,
        text=True,
        timeout=START_SECONDS,
        check=False,
        **more,
    )


def free_base() -> int:
    """Return a port base whose ports are free now; spread so that parallel runs seldom meet.

    All are below the ports that Linux gives to outgoing connections (32768 and above).
    """
    room = 32_768 - 10_000 - max(STANDARD.values())
    for attempt in range(200):
        base = 10_000 + (os.getpid() * 97 + attempt * 13_007) % room
        if all(_is_free(base + port) for port in STANDARD.values()):
            return base
    raise AssertionError("no free ports")


def _is_free(port: int) -> bool:
    for family, host in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
        try:
            with socket.socket(family) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind((host, port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                return False
    return True


def need(program: str) -> str:
    """Return the path of a real client, or skip the test that wants it, saying so."""
    path = shutil.which(program)
    if path is None:
        pytest.skip(f"{program} is not installed (.ci/peers installs it)")
    return path


def wait_for(holds: Callable[[], object], seconds: float = 20) -> None:
    """Wait until something that happens elsewhere has happened."""
    limit = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < limit, "it did not happen in time"
        time.sleep(0.02)


class House:
    """A running ``homemail try``."""

    def __init__(self, directory: Path, *, settings: str = "", words: Sequence[str] = ()) -> None:
        self.directory, self.words = directory, list(words)
        if settings:
            file = directory.parent / f"{directory.name}.toml"
            file.write_text(settings)
            self.words += ["--settings", str(file)]
        self.base = free_base()
        self.process: subprocess.Popen[str]
        self.ready: dict = {}

    def start(self) -> House:
        """Start it and wait until it says that it is ready."""
        self.begin()
        try:
            self.wait_ready()
        except AssertionError:
            if "is in use" not in self.said():
                raise
            # Somebody took a port since it was looked at.
            self.stop()
            self.base = free_base()
            self.begin()
            self.wait_ready()
        return self

    def begin(self) -> None:
        self.output = (self.directory.parent / f"{self.directory.name}.out").open("w+")
        command = [sys.executable, "-m", "homemail", "try", "--directory", str(self.directory)]
        self.process = subprocess.Popen(
            [*command, "--port-base", str(self.base), *self.words],
            stdout=self.output,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            text=True,
        )

    def wait_ready(self) -> None:
        limit = time.monotonic() + START_SECONDS
        file = self.directory / "ready.json"
        while (ready := self._read(file)).get("pid") != self.process.pid:
            assert self.process.poll() is None, f"it ended: {self.said()}"
            assert time.monotonic() < limit, f"not ready in time: {self.said()}"
            time.sleep(0.02)
        self.ready = ready

    @staticmethod
    def _read(file: Path) -> dict:
        """Return what is in the file; one that was killed may have left its own."""
        try:
            return json.loads(file.read_text())
        except FileNotFoundError:
            return {}

    def said(self) -> str:
        self.output.flush()
        return Path(self.output.name).read_text()

    def log(self) -> str:
        return (self.directory / "homemail.log").read_text()

    def stop(self, how: signal.Signals = signal.SIGTERM) -> int:
        """End it and return its exit status."""
        if self.process.poll() is None:
            self.process.send_signal(how)
        try:
            return self.process.wait(20)
        finally:
            if self.process.poll() is None:
                self.process.kill()
                self.process.wait()
            self.output.close()

    def port(self, service: str) -> int:
        return self.ready["ports"][service]

    def home(self, account: str) -> Path:
        return Path(self.ready["accounts"][account]["home"])

    def password(self, account: str) -> str:
        return self.ready["accounts"][account]["password"]

    def command(self, *words: str) -> str:
        """Run a ``homemail`` command on this house; it must succeed."""
        done = homemail(*words, "--directory", self.directory)
        assert done.returncode == 0, done.stderr + done.stdout
        return done.stdout

    # clients from the standard library

    def send(self, content: bytes, *recipients: str, sender: str = "ann@elsewhere.example") -> None:
        """Hand in a message at port 25, octet for octet."""
        with smtplib.SMTP("127.0.0.1", self.port("smtp"), timeout=60) as client:
            client.ehlo("elsewhere.example")
            options = ["BODY=8BITMIME"] if client.has_extn("8bitmime") else []
            client.sendmail(sender, recipients or ("alice@home.test",), content, options)

    def imap(self, account: str = "alice") -> imaplib.IMAP4:
        client = imaplib.IMAP4("127.0.0.1", self.port("imap"), timeout=60)
        client.login(account, self.password(account))
        return client

    def pop3(self, account: str = "alice") -> poplib.POP3:
        client = poplib.POP3("127.0.0.1", self.port("pop3"), timeout=60)
        client.user(account)
        client.pass_(self.password(account))
        return client

    def messages(self, account: str = "alice", mailbox: str = "INBOX") -> list[bytes]:
        """Return every message of a mailbox as IMAP gives it."""
        client = self.imap(account)
        client.select(f'"{mailbox}"', readonly=True)
        _, found = client.uid("FETCH", "1:*", "(BODY.PEEK[])")
        client.logout()
        return [item[1] for item in found if isinstance(item, tuple)]

    def empty(self, *accounts: str) -> None:
        """Remove every message from the INBOX of each account."""
        for account in accounts or ("alice", "bob", "carol"):
            client = self.imap(account)
            client.select("INBOX")
            client.uid("STORE", "1:*", "+FLAGS.SILENT", "(\\Deleted)")
            client.expunge()
            client.logout()
