# SPDX-License-Identifier: MIT
"""Several clients change one mailbox at once, each believing only what it is told."""

from __future__ import annotations

import random
import re
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.imap.conftest import HELLO, MULTIPART, House

STEPS = 120
_LITERAL = re.compile(rb"\{(\d+)\}\r\n\Z")
_NUMBERED = re.compile(rb"\* (\d+) (EXISTS|EXPUNGE|FETCH)(?:.*?UID (\d+))?", re.DOTALL)


class Believer:
    """A client that keeps the UIDs by what the responses say, and finds every contradiction."""

    def __init__(self, house: House, seed: int) -> None:
        self.line = house.connect()
        self.line.readline()
        self.choose = random.Random(seed)
        self.uids: list[int | None] = []
        self.count = 0

    def response(self) -> bytes:
        whole = self.line.readline()
        while found := _LITERAL.search(whole):
            end = len(whole) + int(found[1])
            while len(whole) <= end or not whole.endswith(b"\r\n"):
                whole += self.line.readline()
        return whole

    def ask(self, command: bytes) -> None:
        self.count += 1
        tag = b"t%d " % self.count
        self.line.send(tag + command + b"\r\n")
        while not (told := self.response()).startswith(tag):
            assert told, f"closed after {command!r}"
            if found := _NUMBERED.match(told):
                self.believe(command, int(found[1]), found[2], found[3])
        assert told.startswith(tag + b"OK"), (command, told)

    def believe(self, command: bytes, number: int, word: bytes, uid: bytes | None) -> None:
        if word == b"EXISTS":
            assert number >= len(self.uids), (command, number)
            self.uids += [None] * (number - len(self.uids))
            return
        assert 1 <= number <= len(self.uids), (command, number, word)
        if word == b"EXPUNGE":
            assert command.split()[0] not in (b"FETCH", b"STORE", b"SEARCH")
            del self.uids[number - 1]
        elif uid is not None:
            assert self.uids[number - 1] in (None, int(uid)), command
            self.uids[number - 1] = int(uid)

    def some(self) -> bytes:
        low = self.choose.randint(1, len(self.uids))
        return b"%d:%d" % (low, min(low + 4, len(self.uids)))

    def step(self) -> None:
        commands = [
            b"NOOP",
            b"EXPUNGE",
            b"APPEND INBOX {%d+}\r\n%b" % (len(HELLO), HELLO),
            b"UID SEARCH DELETED",
            b"SEARCH TEXT alice",
            b"UID FETCH 1:* (FLAGS ENVELOPE)",
            b"IDLE\r\nDONE",
            b"STATUS INBOX (MESSAGES)",
        ]
        if self.uids:
            commands += [
                b"FETCH %b (UID FLAGS BODY.PEEK[])" % self.some(),
                b"FETCH %b (UID BODY[TEXT])" % self.some(),
                b"STORE %b +FLAGS (\\Deleted)" % self.some(),
                b"COPY %b INBOX" % self.some(),
            ]
        self.ask(self.choose.choice(commands))

    def live(self) -> list[int | None]:
        """Live a session to its end; return the UIDs that are left once all have finished."""
        self.ask(b"LOGIN alice secret")
        self.ask(b"SELECT INBOX")
        for _ in range(STEPS):
            self.step()
        return self.uids

    def last_words(self) -> list[int | None]:
        self.ask(b"NOOP")
        self.ask(b"UID FETCH 1:* (UID)")
        return self.uids


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["memory", "maildir"])
def test_sessions_on_one_mailbox_agree(loop_thread, tmp_path, kind):
    (tmp_path / "alice").mkdir(mode=0o700)
    house = House(loop_thread, home=tmp_path if kind == "maildir" else None)
    house.deliver("alice", *[HELLO, MULTIPART] * 10)
    clients = [Believer(house, seed) for seed in range(4)]
    with ThreadPoolExecutor(len(clients)) as pool:
        for future in [pool.submit(client.live) for client in clients]:
            future.result()
    ends = [client.last_words() for client in clients]
    assert all(end == ends[0] for end in ends)
    for client in clients:
        client.line.close()
    house.stop()
