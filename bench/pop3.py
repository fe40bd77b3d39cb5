# SPDX-License-Identifier: MIT
"""POP3 beside Dovecot: logins by each mechanism, large maildrops, many who wait.

    python -m bench.pop3 [--messages 10000] [--pairs 5]

Both serve the same messages out of a Maildir, to the same client, over loopback without TLS.
Dovecot's login processes serve many clients each (its high-performance mode).
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import hmac
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import cache, partial
from pathlib import Path

from bench.turns import Work, table, take_turns
from homemail.auth.scram_verifier import ScramVerifier
from tests.house.server import House

PASSWORD = b"secret"
ITERATIONS = 4096
LOGINS = 100
WAITING = 200


class Client:
    """A client that spends little time of its own."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), 600)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._buffer = b""
        self.greeting = self.line()

    def line(self) -> bytes:
        while b"\n" not in self._buffer:
            piece = self._socket.recv(65536)
            if not piece:
                raise SystemExit("the server closed the connection")
            self._buffer += piece
        line, _, self._buffer = self._buffer.partition(b"\n")
        if line.startswith(b"-ERR"):
            raise SystemExit(f"refused: {line!r}")
        return line.rstrip(b"\r")

    def say(self, octets: bytes) -> bytes:
        self._socket.sendall(octets + b"\r\n")
        return self.line()

    def many(self, octets: bytes) -> int:
        """Send a command with an answer of many lines; return how many octets came."""
        self.say(octets)
        got = len(self._buffer)
        tail = self._buffer
        while not (b"\n" + tail).endswith(b"\n.\r\n"):
            piece = self._socket.recv(1 << 20)
            got += len(piece)
            tail = (tail + piece)[-8:]
        self._buffer = b""
        return got

    def close(self) -> None:
        self._socket.close()


Login = Callable[[Client, str], None]
Rate = Callable[[str, int], float]


def by_user(client: Client, _: str) -> None:
    client.say(b"USER alice")
    client.say(b"PASS " + PASSWORD)


def by_plain(client: Client, _: str) -> None:
    client.say(b"AUTH PLAIN " + base64.b64encode(b"\0alice\0" + PASSWORD))


def by_cram_md5(client: Client, _: str) -> None:
    challenge = base64.b64decode(client.say(b"AUTH CRAM-MD5")[2:])
    proof = hmac.digest(PASSWORD, challenge, "md5").hex()
    client.say(base64.b64encode(f"alice {proof}".encode()))


def by_apop(client: Client, _: str) -> None:
    digest = hashlib.md5(client.greeting.split()[-1] + PASSWORD, usedforsecurity=False)
    client.say(f"APOP alice {digest.hexdigest()}".encode())


@cache
def salted(salt: bytes, iterations: int) -> bytes:
    return hashlib.pbkdf2_hmac("sha256", PASSWORD, salt, iterations)


def by_scram(client: Client, server: str) -> None:
    # Dovecot keeps one secret for an account, so another one has the verifier there.
    name = "alice" if server == "homemail" else "alicia"
    bare = f"n={name},r=nonce"
    first = client.say(b"AUTH SCRAM-SHA-256 " + base64.b64encode(b"n,," + bare.encode()))
    challenge = base64.b64decode(first[2:]).decode()
    fields = dict(part.split("=", 1) for part in challenge.split(","))
    password = salted(base64.b64decode(fields["s"]), int(fields["i"]))
    key = hmac.digest(password, b"Client Key", "sha256")
    unproven = f"c=biws,r={fields['r']}"
    message = f"{bare},{challenge},{unproven}".encode()
    signature = hmac.digest(hashlib.sha256(key).digest(), message, "sha256")
    proof = base64.b64encode(bytes(a ^ b for a, b in zip(key, signature, strict=True))).decode()
    if client.say(base64.b64encode(f"{unproven},p={proof}".encode())).startswith(b"+ "):
        client.say(b"")


MECHANISMS: dict[str, Login] = {
    "USER and PASS": by_user,
    "PLAIN": by_plain,
    "SCRAM-SHA-256": by_scram,
    "CRAM-MD5": by_cram_md5,
    "APOP": by_apop,
}


def login_rate(login: Login, server: str, port: int) -> float:
    begun = time.perf_counter()
    for _ in range(LOGINS):
        client = Client(port)
        login(client, server)
        client.say(b"QUIT")
        client.close()
    return LOGINS / (time.perf_counter() - begun)


def waiting_rate(server: str, port: int) -> float:
    """Return the rate while as many others have connected and say nothing."""
    with ExitStack() as stack:
        for _ in range(WAITING):
            stack.callback(Client(port).close)
        return login_rate(by_plain, server, port)


def listing_rate(server: str, port: int) -> float:
    begun = time.perf_counter()
    for _ in range(5):
        client = Client(port)
        by_plain(client, server)
        client.say(b"STAT")
        client.many(b"UIDL")
        client.say(b"QUIT")
        client.close()
    return 5 / (time.perf_counter() - begun)


def fetch_rate(server: str, port: int) -> float:
    client = Client(port)
    by_plain(client, server)
    begun = time.perf_counter()
    for number in range(1, 1001):
        client.many(b"RETR %d" % number)
    rate = 1000 / (time.perf_counter() - begun)
    client.say(b"QUIT")
    client.close()
    return rate


def fill(maildir: Path, count: int) -> None:
    for sub in ("tmp", "new", "cur"):
        (maildir / sub).mkdir(parents=True, exist_ok=True)
    for number in range(count):
        body = "\n".join(f"line {line} of letter {number}" for line in range(60))
        text = f"From: a@example.org\nSubject: letter {number}\n\n{body}\n"
        (maildir / "cur" / f"{1700000000 + number}.M1P1.bench:2,S").write_text(text)


def verifier() -> str:
    made = ScramVerifier.make("sha256", PASSWORD, iterations=ITERATIONS)
    return "{SCRAM-SHA-256}" + made.format()


@contextmanager
def homemail(directory: Path, count: int, empty: bool) -> Iterator[int]:
    house = House(directory / f"homemail{empty}").start()
    try:
        secrets = "{PLAIN}" + PASSWORD.decode() + " " + verifier()
        home = directory / f"home{empty}"
        fill(home / "Maildir", count)
        (house.directory / "users").write_text(f"alice:{secrets}::::{home}::\n")
        yield house.port("pop3")
    finally:
        house.stop()


@contextmanager
def dovecot(directory: Path, count: int, empty: bool) -> Iterator[int]:
    home = directory / f"dovecot{empty}"
    fill(home / "mail/Maildir", count)
    directory.chmod(0o755)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    user = "nobody" if os.getuid() == 0 else os.environ["USER"]
    if os.getuid() == 0:
        subprocess.run(["chown", "-R", user, str(home / "mail")], check=True)
    plain = "{PLAIN}" + PASSWORD.decode()
    (home / "users").write_text(f"alice:{plain}\nalicia:{verifier()}\n")
    settings = home / "dovecot.conf"
    settings.write_text(
        f"base_dir = {home}/run\nstate_dir = {home}/state\nlog_path = {home}/log\n"
        "protocols = pop3\nlisten = 127.0.0.1\nssl = no\ndisable_plaintext_auth = no\n"
        "auth_mechanisms = plain login cram-md5 apop scram-sha-256\nauth_cache_size = 1M\n"
        f"default_internal_user = {user}\ndefault_login_user = {user}\n"
        f"mail_location = maildir:{home}/mail/Maildir\nfirst_valid_uid = 1\nfirst_valid_gid = 1\n"
        "mail_max_userip_connections = 1000\n"
        f"passdb {{\n  driver = passwd-file\n  args = {home}/users\n}}\n"
        f"userdb {{\n  driver = static\n  args = uid={user} gid=nogroup home={home}/mail\n}}\n"
        "service pop3-login {\n  chroot =\n  service_count = 0\n  client_limit = 1000\n"
        f"  inet_listener pop3 {{\n    port = {port}\n  }}\n"
        "  inet_listener pop3s {\n    port = 0\n  }\n}\n"
        "service anvil {\n  chroot =\n}\nservice stats {\n  chroot =\n}\n"
    )
    process = subprocess.Popen(["dovecot", "-F", "-c", str(settings)])
    try:
        for _ in range(200):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.05)
        yield port
    finally:
        process.terminate()
        process.wait(20)


def run(name: str, rate: Rate, ports: tuple[int, int], pairs: int) -> Work:
    """Measure one work on both sides and print its row."""
    ours, theirs = partial(rate, "homemail", ports[0]), partial(rate, "dovecot", ports[1])
    ours(), theirs()  # the first one warms up
    work = take_turns(name, ours, theirs, pairs)
    print(table("Dovecot", [work]).splitlines()[-1], flush=True)
    return work


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=10_000)
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--only", default="", help="run only works whose name holds this")
    words = parser.parse_args()
    if not shutil.which("dovecot") or not Path("/usr/lib/dovecot/pop3").exists():
        sys.exit("Dovecot is not installed: apt-get install dovecot-pop3d")
    rates: dict[str, tuple[int, Rate]] = {
        f"login, {name}": (0, partial(login_rate, login)) for name, login in MECHANISMS.items()
    }
    rates[f"login, {WAITING} others waiting"] = (0, waiting_rate)
    rates[f"STAT and UIDL of {words.messages}"] = (words.messages, listing_rate)
    rates["RETR, one by one"] = (words.messages, fetch_rate)
    wanted = {name: rate for name, rate in rates.items() if words.only.lower() in name.lower()}
    works = []
    with tempfile.TemporaryDirectory(dir="/var/tmp") as name, ExitStack() as stack:
        directory = Path(name)
        for count in sorted({count for count, _ in wanted.values()}):
            ports = (
                stack.enter_context(homemail(directory, count, not count)),
                stack.enter_context(dovecot(directory, count, not count)),
            )
            works += [
                run(title, rate, ports, words.pairs)
                for title, (many, rate) in wanted.items()
                if many == count
            ]
    print()
    print(table("Dovecot", works))


if __name__ == "__main__":
    main()
