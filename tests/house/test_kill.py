# SPDX-License-Identifier: MIT
"""The power cut: a server killed at random points keeps everything that it answered.

Writers hand in numbered messages by SMTP (to one and to three recipients), LMTP and IMAP APPEND,
and copy and move them. After every kill: what was answered is there exactly as it was sent, no
kill made more than one duplicate, and no UID names two messages.
"""

from __future__ import annotations

import imaplib
import random
import re
import signal
import smtplib
import threading
import time
from collections import Counter
from zlib import crc32

import pytest

from tests.house.server import House

pytestmark = pytest.mark.slow

KILLS = 5
NAMES = ("alice", "bob", "carol")
_NUMBER = re.compile(rb"^Subject: (\S+)", re.MULTILINE)
_UID = re.compile(rb"\bUID (\d+)")
_APPENDUID = re.compile(rb"\[APPENDUID (\d+) (\d+)\]")
Place = tuple[str, str]
"""An account and a mailbox of it."""
Name = tuple[Place, int, int]
"""A mailbox, its UIDVALIDITY and a UID: what names one message for ever."""


def content(key: str) -> bytes:
    """Return a message that nobody could mistake for another or for a part of itself."""
    name = key.encode()
    lines = b"".join(b"%s line %d\r\n" % (name, n) for n in range(1 + crc32(name) % 40))
    return b"From: ann@elsewhere.example\r\nSubject: %s\r\n\r\n%s-- end\r\n" % (name, lines)


class Writer(threading.Thread):
    """Hands in numbered messages until the server is gone, and keeps account of the answers."""

    def __init__(self, house: House, name: str, round_number: int) -> None:
        super().__init__(daemon=True)
        self.house = house
        self.key = f"{name}-{round_number}"
        self.answered: set[tuple[Place, str]] = set()
        self.tried: set[str] = set()
        self.told: dict[Name, str] = {}
        self.moving: set[str] = set()

    def run(self) -> None:
        try:
            self.write()
        except (OSError, smtplib.SMTPException, imaplib.IMAP4.error):
            return  # the power cut

    def write(self) -> None:
        raise NotImplementedError

    def next_key(self) -> str:
        key = f"{self.key}-{len(self.tried)}"
        self.tried.add(key)
        return key

    def keep(self, account: str, mailbox: str, key: str) -> None:
        self.answered.add(((account, mailbox), key))


class ByMail(Writer):
    """Sends over SMTP or LMTP."""

    client: type[smtplib.SMTP] = smtplib.SMTP
    service = "smtp"
    recipients: tuple[str, ...] = ("alice",)

    def write(self) -> None:
        port = self.house.port(self.service)
        with self.client("127.0.0.1", port, "elsewhere.example", timeout=20) as line:
            while True:
                key = self.next_key()
                to = [f"{name}@home.test" for name in self.recipients]
                assert not line.sendmail("ann@elsewhere.example", to, content(key))
                for name in self.recipients:
                    self.keep(name, "INBOX", key)


class ToThree(ByMail):
    recipients = NAMES


class ByLmtp(ByMail):
    service = "lmtp"
    recipients = ("bob",)

    class client(smtplib.LMTP):  # noqa: N801
        def sendmail(self, sender, to, octets):
            assert self.ehlo_or_helo_if_needed() is None
            self.mail(sender)
            self.rcpt(to[0])
            assert self.data(octets)[0] == 250
            return {}


class ByImap(Writer):
    """Appends to a mailbox, copies from it and moves the copies on."""

    def write(self) -> None:
        line = self.house.imap("carol")
        for name in ("Source", "Copied", "Moved"):
            line.create(name)
        while True:
            key = self.next_key()
            answer, (text,) = line.append("Source", None, None, content(key))
            assert answer == "OK"
            self.keep("carol", "Source", key)
            validity, uid = map(int, _APPENDUID.match(text).groups())
            self.told[("carol", "Source"), validity, uid] = key
            line.select("Source")
            assert line.uid("COPY", "*", "Copied")[0] == "OK"
            self.keep("carol", "Copied", key)
            line.select("Copied")
            self.answered.discard((("carol", "Copied"), key))
            self.moving.add(key)
            assert line.uid("MOVE", "*", "Moved")[0] == "OK"
            self.keep("carol", "Moved", key)


WRITERS = {"one": ByMail, "three": ToThree, "lmtp": ByLmtp, "imap": ByImap}


class Seen:
    """What is in the mailboxes, and which message each UID has ever named."""

    def __init__(self) -> None:
        self.named: dict[Name, bytes] = {}

    def look(self, house: House) -> dict[Place, list[str]]:
        """Return the keys of the messages in every mailbox; each must be whole."""
        found: dict[Place, list[str]] = {}
        for account in NAMES:
            line = house.imap(account)
            for row in line.list()[1]:
                mailbox = row.decode().rsplit(" ", 1)[1].strip('"')
                found[account, mailbox] = list(self._read(line, (account, mailbox)))
            line.logout()
        return found

    def _read(self, line, place: Place):
        line.select(place[1], readonly=True)
        (validity,) = line.response("UIDVALIDITY")[1]
        for item in line.uid("FETCH", "1:*", "(UID BODY.PEEK[])")[1]:
            if not isinstance(item, tuple):
                continue
            octets = item[1]
            name = (place, int(validity), int(_UID.search(item[0])[1]))
            assert self.named.setdefault(name, octets) == octets, f"{name} names two messages"
            key = _NUMBER.search(octets)[1].decode()
            if key != "Welcome":
                assert octets.endswith(content(key)), (place, key)
            yield key


def write_until_killed(house: House, number: int) -> list[Writer]:
    """Let all write until the power cut, which comes at a moment that nobody knows."""
    writers = [kind(house, name, number) for name, kind in WRITERS.items()]
    for writer in writers:
        writer.start()
    limit = time.monotonic() + 20
    while not all(writer.answered for writer in writers) and time.monotonic() < limit:
        time.sleep(0.001)
    time.sleep(random.random() * 0.4)
    house.stop(signal.SIGKILL)
    for writer in writers:
        writer.join(30)
    return writers


def check(found: dict[Place, list[str]], seen: Seen, writers: list[Writer]) -> None:
    """Compare what is there with what was answered."""
    there = {(place, key) for place, keys in found.items() for key in keys}
    for writer in writers:
        assert writer.answered <= there, writer.answered - there
        for key in writer.moving:
            assert {(("carol", "Copied"), key), (("carol", "Moved"), key)} & there, key
        for name, key in writer.told.items():
            assert seen.named[name].endswith(content(key)), name
    assert {key for _, key in there} <= {key for w in writers for key in w.tried} | {"Welcome"}
    for place, keys in found.items():
        counts = Counter(keys)
        assert max(counts.values(), default=0) <= 2, (place, counts)
        assert sum(count > 1 for count in counts.values()) <= KILLS, place


def test_what_was_answered_is_there(new_house):
    house, seen = new_house(), Seen()
    writers: list[Writer] = []
    house.start()
    for number in range(KILLS):
        writers += write_until_killed(house, number)
        house.start()
        check(seen.look(house), seen, writers)
    for writer in writers:
        assert writer.answered, writer.key
