# SPDX-License-Identifier: MIT
"""Mail from SMTP to a Maildir: homemail beside Postfix's own local delivery, in turns.

Both run with full durability and their ordinary settings. The load is Postfix's smtp-source, which
alone (into smtp-sink) is many times faster than either. A run ends when every message is in the
Maildir; the first connection begins it. Needs root and Postfix (.ci/peers).

    python -m bench.arrival --pairs 5 --messages 400
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from bench.turns import Work, table, take_turns
from tests.house.server import House
from tests.peers.daemon import find, free_port, listens, wait_for
from tests.peers.postfix import Postfix

USER = "games"  # a system user whose mail nobody reads
KILO = 1024


class PostfixMaildir:
    """A Postfix that delivers with local(8) to a Maildir."""

    def __init__(self, base: Path) -> None:
        self._maildir = base / "mail" / USER
        self._maildir.parent.mkdir()
        (base / "mail").chmod(0o755)
        self._maildir.mkdir()
        shutil.chown(self._maildir, USER)
        self._postfix = Postfix(
            base / "postfix",
            "mydestination = home.test",
            "local_transport = local:$myhostname",
            f"mail_spool_directory = {base}/mail/",
            "message_size_limit = 50000000",
            "mailbox_size_limit = 0",
            "smtpd_client_connection_count_limit = 0",
        )
        self.port = self._postfix.port
        self.recipients = (f"{USER}@home.test",)

    def filed(self) -> int:
        new = self._maildir / "new"
        return len(list(new.iterdir())) if new.exists() else 0

    def stop(self) -> None:
        self._postfix.stop()


class HomemailMaildir:
    """A ``homemail try`` that delivers to alice's Maildir."""

    def __init__(self, base: Path) -> None:
        settings = "smtpd_client_connection_count_limit = 0\n"
        self._house = House(base / "try", settings=settings).start()
        self.port = self._house.port("smtp")
        self.recipients = ("alice@home.test",)
        self._new = self._house.home("alice") / "Maildir" / "new"

    def filed(self) -> int:
        return len(list(self._new.iterdir()))

    def stop(self) -> None:
        self._house.stop()


def one_run(
    server: PostfixMaildir | HomemailMaildir, connections: int, messages: int, size: int
) -> float:
    """Return messages per second for one load."""
    before = server.filed()
    began = time.monotonic()
    subprocess.run(
        [find("smtp-source"), "-d", "-s", str(connections), "-m", str(messages), "-l", str(size),
         "-f", "ann@out.example", "-t", server.recipients[0], f"127.0.0.1:{server.port}"],
        check=True, timeout=600,
    )  # fmt: skip
    while server.filed() < before + messages:
        time.sleep(0.005)
    return messages / (time.monotonic() - began)


def ceiling(messages: int) -> float:
    """Return what the load generator does into smtp-sink, which keeps nothing."""
    port = free_port()
    sink = subprocess.Popen([find("smtp-sink"), "-u", "nobody", f"127.0.0.1:{port}", "100"])
    try:
        wait_for("smtp-sink", lambda: listens(port))
        began = time.monotonic()
        subprocess.run(
            [find("smtp-source"), "-d", "-s", "10", "-m", str(messages), "-l", str(4 * KILO),
             f"127.0.0.1:{port}"],
            check=True,
        )  # fmt: skip
        return messages / (time.monotonic() - began)
    finally:
        sink.kill()
        sink.wait()


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--messages", type=int, default=400)
    options = parser.parse_args()
    base = Path(tempfile.mkdtemp(prefix="bench-"))
    base.chmod(0o755)
    theirs, ours = PostfixMaildir(base), HomemailMaildir(base)
    try:
        works = [
            work(f"{size}, {connections} connections", connections, messages, octets)
            for size, octets, messages in (
                ("4 KB", 4 * KILO, options.messages),
                ("1 MB", KILO * KILO, max(20, options.messages // 20)),
            )
            for connections in ((1, 10, 50) if octets < KILO * KILO else (10,))
            for work in [_measure(ours, theirs, options.pairs)]
        ]
    finally:
        ours.stop()
        theirs.stop()
        shutil.rmtree(base, ignore_errors=True)
    print(table("Postfix local", works))
    print(f"\nThe load alone, into smtp-sink: {ceiling(10 * options.messages):.0f} messages/s.")


def _measure(
    ours: HomemailMaildir, theirs: PostfixMaildir, pairs: int
) -> Callable[[str, int, int, int], Work]:
    def measure(name: str, connections: int, messages: int, size: int) -> Work:
        for side in (ours, theirs):  # so that no side pays for its first message
            one_run(side, connections, connections, size)
        return take_turns(
            name,
            lambda: one_run(ours, connections, messages, size),
            lambda: one_run(theirs, connections, messages, size),
            pairs,
        )

    return measure


if __name__ == "__main__":
    main()
