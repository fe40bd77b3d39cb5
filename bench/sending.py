# SPDX-License-Identifier: MIT
"""Mail that is passed on, and long queues: homemail beside Postfix, in turns.

A run of relaying begins with the first connection and ends when smtp-sink, which keeps nothing, has
every message. The queue of many entries is homemail's alone: seconds and megabytes. Needs root and
Postfix (.ci/peers).

    python -m bench.sending --pairs 5 --messages 400 --entries 100000
"""

from __future__ import annotations

import argparse
import asyncio
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bench.turns import Work, table, take_turns
from homemail.model.message import MemoryContent
from homemail.mta.queue.spooled import open_queue
from tests.house.server import House, homemail
from tests.mta.queue.samples import envelope
from tests.peers.daemon import find, free_port, listens, wait_for
from tests.peers.postfix import Postfix

DESTINATIONS = 50
SIZE = 4096


def transports(port: int) -> str:
    """Return a table that sends each domain to an address of its own."""
    return "".join(f"d{n}.test smtp:[127.0.0.{n + 10}]:{port}\n" for n in range(DESTINATIONS))


class PostfixRelay:
    """A Postfix that passes everything on."""

    def __init__(self, base: Path, port: int) -> None:
        (base / "transport").write_text(transports(port))
        self._postfix = Postfix(
            base / "postfix",
            f"transport_maps = texthash:{base}/transport",
            "smtpd_client_connection_count_limit = 0",
            "default_destination_concurrency_limit = 20",
        )
        self.port = self._postfix.port

    def stop(self) -> None:
        self._postfix.stop()


class HomemailRelay:
    """A ``homemail try`` that passes everything on."""

    def __init__(self, base: Path, port: int) -> None:
        (base / "transport").write_text(transports(port))
        self._house = House(
            base / "try",
            settings=(
                "smtpd_client_connection_count_limit = 0\n"
                'mynetworks = ["127.0.0.0/8"]\ndefer_transports = []\n'
                f'transport_maps = ["texthash:{base}/transport"]\n'
            ),
        ).start()
        self.port = self._house.port("smtp")

    def stop(self) -> None:
        self._house.stop()


def relay(
    server: PostfixRelay | HomemailRelay, sink_port: int, destinations: int, messages: int
) -> float:
    """Return messages per second from smtp-source to smtp-sink."""
    words = ["-M", str(messages), "-u", "nobody", f"0.0.0.0:{sink_port}", "200"]
    sink = subprocess.Popen([find("smtp-sink"), *words])
    try:
        wait_for("smtp-sink", lambda: listens(sink_port))
        began = time.monotonic()
        each = messages // destinations
        sources = [
            subprocess.Popen(
                [find("smtp-source"), "-d", "-s", str(max(1, 10 // destinations)), "-m", str(each),
                 "-l", str(SIZE), "-f", "ann@out.example", "-t", f"bob@d{n}.test",
                 f"127.0.0.1:{server.port}"]
            )
            for n in range(destinations)
        ]  # fmt: skip
        for source in sources:
            source.wait(300)
        sink.wait(300)
        return messages / (time.monotonic() - began)
    finally:
        sink.kill()
        sink.wait()


async def fill_homemail(directory: Path, entries: int) -> None:
    """Put messages into a queue, as the server would."""
    queue = await open_queue(directory)
    content = MemoryContent(b"Subject: x\r\n\r\n" + b"x" * 78 + b"\r\n" * (SIZE // 2))

    async def add(number: int) -> None:
        await queue.hold(await queue.add(envelope(f"u{number}@d{number % 50}.test"), content))

    for start in range(0, entries, 500):
        await asyncio.gather(*(add(number) for number in range(start, start + 500)))
    await queue.close()


def seconds_to_list(directory: Path) -> float:
    """Return how long ``homemail queue list`` takes for the queue in ``directory``."""
    settings = directory.parent / "list.toml"
    settings.write_text(f'queue_directory = "{directory}"\nmyhostname = "mail.home.test"\n')
    began = time.monotonic()
    done = homemail("queue", "list", "--config", settings)
    assert done.returncode == 0, done.stderr
    return time.monotonic() - began


def start(directory: Path) -> tuple[float, int]:
    """Return the seconds and the megabytes that opening a queue takes."""
    code = (
        "import asyncio, resource, time; from pathlib import Path\n"
        "from homemail.mta.queue.spooled import open_queue\n"
        "async def main():\n"
        "    began = time.monotonic()\n"
        f"    queue = await open_queue(Path({str(directory)!r}))\n"
        "    print(time.monotonic() - began, resource.getrusage(0).ru_maxrss // 1024)\n"
        "    await queue.close()\n"
        "asyncio.run(main())\n"
    )
    seconds, megabytes = subprocess.check_output([sys.executable, "-c", code]).split()
    return float(seconds), int(megabytes)


def relaying(base: Path, pairs: int, messages: int) -> list[Work]:
    """Measure relaying to one destination and to fifty."""
    port = free_port()
    theirs, ours = PostfixRelay(base, port), HomemailRelay(base, port)
    try:
        works = []
        for destinations in (1, DESTINATIONS):
            for side in (theirs, ours):  # so that no side pays for its first message
                relay(side, port, destinations, DESTINATIONS)
            works.append(
                take_turns(
                    f"4 KB relayed, {destinations} destinations",
                    lambda count=destinations: relay(ours, port, count, messages),
                    lambda count=destinations: relay(theirs, port, count, messages),
                    pairs,
                )
            )
        return works
    finally:
        ours.stop()
        theirs.stop()


def main() -> None:
    """Measure and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--messages", type=int, default=400)
    parser.add_argument("--entries", type=int, default=100_000)
    options = parser.parse_args()
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
    base = Path(tempfile.mkdtemp(prefix="bench-"))
    base.chmod(0o755)
    try:
        works = relaying(base, options.pairs, options.messages // DESTINATIONS * DESTINATIONS)
        print(table("Postfix", works))
        asyncio.run(fill_homemail(base / "queue", options.entries))
        seconds, megabytes = start(base / "queue")
        listing = seconds_to_list(base / "queue")
        size = sum(len(names) for _, _, names in os.walk(base / "queue"))
        print(f"\n{options.entries} entries in {size} files: opened in {seconds:.1f} s and")
        print(f"{megabytes} MB, listed by the command in {listing:.1f} s.")
    finally:
        shutil.rmtree(base, ignore_errors=True)


if __name__ == "__main__":
    main()
