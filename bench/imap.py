# SPDX-License-Identifier: MIT
"""IMAP beside Dovecot: the same mailbox, the same commands, in turns, ratios at the end.

    python -m bench.imap [--messages 10000] [--pairs 5]

Both run with their ordinary settings and full durability, in directories of their own on free
ports of this machine. The client reads raw octets and looks for the tagged answer only.
"""

from __future__ import annotations

import argparse
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.turns import table, take_turns
from tests.house.server import House

WORDS = "soup tea letter garden minutes invoice holiday photos meeting train".split()
BATCH = 500


class Client:
    """A client that spends little time of its own."""

    def __init__(self, port: int, password: str, mailbox: str = "") -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), 600)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._read_line()
        self.run(f"LOGIN alice {password}")
        if mailbox:
            self.run(f"SELECT {mailbox}")

    def _read_line(self) -> bytes:
        got = b""
        while not got.endswith(b"\n"):
            got += self._socket.recv(65536)
        return got

    def run(self, command: str | bytes) -> bytes:
        """Send a command; return its answers."""
        octets = command.encode() if isinstance(command, str) else command
        self._socket.sendall(b"tag " + octets + b"\r\n")
        pieces, tail = [], b"\r\n"
        while True:
            piece = self._socket.recv(1 << 20)
            if not piece:
                raise SystemExit(f"the server closed: {tail!r} after {octets[:80]!r}")
            pieces.append(piece)
            tail = (tail + piece)[-4000:]
            at = tail.rfind(b"\r\ntag ")
            if at >= 0 and tail.endswith(b"\r\n"):
                if tail[at + 6 : at + 8] != b"OK":
                    raise SystemExit(f"{octets[:80]!r}: {tail[at:]!r}")
                return b"".join(pieces)

    def close(self) -> None:
        self._socket.close()


def letter(number: int) -> bytes:
    """Return an ordinary message: the same one for both servers."""
    subject = f"{'Re: ' * (number % 3)}{WORDS[number % 10]} {number % 97}"
    parent = number - number % 3
    lines = [
        f"From: Person {number % 50} <p{number % 50}@example.org>",
        "To: alice@home.test",
        f"Subject: {subject}",
        f"Date: {1 + number % 28} Mar 2024 {number % 24:02}:{number % 60:02}:00 +0000",
        f"Message-ID: <{number}@example.org>",
        *([f"References: <{parent}@example.org>"] if parent != number else []),
        "MIME-Version: 1.0",
        "Content-Type: text/plain; charset=utf-8",
        "",
    ]
    body = [" ".join(WORDS[(number * k + k) % 10] for k in range(12)) for _ in range(20)]
    return "\r\n".join([*lines, *body, ""]).encode()


def fill(client: Client, mailbox: str, count: int) -> None:
    for start in range(0, count, BATCH):
        numbers = range(start, min(start + BATCH, count))
        items = b"".join(b" {%d+}\r\n%b" % (len(letter(n)), letter(n)) for n in numbers)
        client.run(b"APPEND " + mailbox.encode() + items)


@contextmanager
def homemail(directory: Path) -> Iterator[tuple[int, str]]:
    house = House(directory / "homemail").start()
    try:
        yield house.port("imap"), house.password("alice")
    finally:
        house.stop()


@contextmanager
def dovecot(directory: Path) -> Iterator[tuple[int, str]]:
    home = directory / "dovecot"
    (home / "mail").mkdir(parents=True)
    directory.chmod(0o755)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    user = "nobody" if os.getuid() == 0 else os.environ["USER"]
    if os.getuid() == 0:
        shutil.chown(home / "mail", user)
    settings = home / "dovecot.conf"
    settings.write_text(
        f"base_dir = {home}/run\nstate_dir = {home}/state\nlog_path = {home}/log\n"
        "protocols = imap\nlisten = 127.0.0.1\nssl = no\ndisable_plaintext_auth = no\n"
        f"default_internal_user = {user}\ndefault_login_user = {user}\n"
        f"mail_location = maildir:{home}/mail/Maildir\nfirst_valid_uid = 1\nfirst_valid_gid = 1\n"
        "mail_max_userip_connections = 1000\nimap_max_line_length = 4M\n"
        "passdb {\n  driver = static\n  args = password=secret\n}\n"
        f"userdb {{\n  driver = static\n  args = uid={user} gid=nogroup home={home}/mail\n}}\n"
        f"service imap-login {{\n  chroot =\n  inet_listener imap {{\n    port = {port}\n  }}\n"
        "  inet_listener imaps {\n    port = 0\n  }\n}\n"
        "service anvil {\n  chroot =\n}\nservice stats {\n  chroot =\n}\n"
        "namespace inbox {\n  inbox = yes\n  separator = /\n}\n"
    )
    process = subprocess.Popen(["dovecot", "-F", "-c", str(settings)])
    try:
        for _ in range(200):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.05)
        yield port, "secret"
    finally:
        process.terminate()
        process.wait(20)


Work = Callable[[Client, int], object]


def commands(*texts: str) -> Work:
    """Return work that runs commands; ``ALL`` in them is the whole mailbox."""
    return lambda client, _round: [client.run(text) for text in texts]


def appends(client: Client, _round: int) -> None:
    for number in range(200):
        octets = letter(number)
        client.run(b"APPEND Other {%d+}\r\n%b" % (len(octets), octets))


def flags(client: Client, turn: int) -> None:
    sign = "+-"[turn % 2]
    client.run(f"STORE 1:1000 {sign}FLAGS.SILENT (\\Answered)")


WORKS: dict[str, Work] = {
    "SELECT": commands("SELECT Big"),
    "FETCH 1:* (UID FLAGS)": commands("FETCH 1:* (UID FLAGS)"),
    "FETCH 1:* (ENVELOPE BODYSTRUCTURE)": commands("FETCH 1:* (ENVELOPE BODYSTRUCTURE)"),
    "FETCH 1:* 3 header fields": commands(
        "FETCH 1:* (BODY.PEEK[HEADER.FIELDS (FROM SUBJECT DATE)])"
    ),
    "FETCH 1:1000 BODY.PEEK[]": commands("FETCH 1:1000 (BODY.PEEK[])"),
    "SEARCH UNSEEN": commands("SEARCH UNSEEN"),
    "SEARCH FROM": commands('SEARCH FROM "person 7"'),
    "SEARCH SINCE": commands("SEARCH SINCE 1-Jan-2020"),
    "SEARCH TEXT": commands('SEARCH TEXT "holiday soup garden"'),
    "SORT (SUBJECT)": commands("SORT (SUBJECT) UTF-8 ALL"),
    "SORT (REVERSE DATE)": commands("SORT (REVERSE DATE) UTF-8 ALL"),
    "THREAD REFERENCES": commands("THREAD REFERENCES UTF-8 ALL"),
    "STORE 1,000 flags": flags,
    "COPY 1,000": commands("COPY 1:1000 Other"),
    "APPEND 200": appends,
}


class Side:
    """One server, which does a piece of work again and again."""

    def __init__(self, place: tuple[int, str], work: Work) -> None:
        self._client = Client(*place, "Big")
        self._work = work
        self._turn = 0
        self.rate()  # warms up

    def rate(self) -> float:
        """Do the work; return how often a second that would be."""
        begun = time.perf_counter()
        self._work(self._client, self._turn)
        self._turn += 1
        return 1 / (time.perf_counter() - begun)


def measure(ours: tuple[int, str], theirs: tuple[int, str], pairs: int, only: str) -> None:
    print(table("Dovecot", []))
    for name, work in WORKS.items():
        if only.lower() in name.lower():
            done = take_turns(name, Side(ours, work).rate, Side(theirs, work).rate, pairs)
            print(table("Dovecot", [done]).splitlines()[-1], flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=10_000)
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--only", default="", help="run only works whose name holds this")
    words = parser.parse_args()
    if not shutil.which("dovecot"):
        sys.exit("Dovecot is not installed (.ci/peers installs it)")
    with tempfile.TemporaryDirectory(dir="/var/tmp") as name:
        directory = Path(name)
        with homemail(directory) as ours, dovecot(directory) as theirs:
            for place in (ours, theirs):
                client = Client(*place)
                for mailbox in ("Big", "Other"):
                    client.run(f"CREATE {mailbox}")
                fill(client, "Big", words.messages)
                client.close()
            measure(ours, theirs, words.pairs, words.only)


if __name__ == "__main__":
    main()
