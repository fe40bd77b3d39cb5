# SPDX-License-Identifier: MIT
"""Mailboxes beside Dovecot: first openings, changes of many messages, words, memory.

    python -m bench.mailboxes [--messages 10000] [--pairs 5]

Both get the same files, put there by neither of them, in a Maildir of their own. An opening is
"cold" where no server has seen the mailbox before; each turn has a new one.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from bench.imap import Client, dovecot, homemail, letter
from bench.turns import table, take_turns

MANY = 1000
Place = tuple[int, str]


def messages(directory: Path, count: int) -> list[Path]:
    """Write ``count`` messages as some other program would."""
    directory.mkdir()
    made = []
    for number in range(count):
        octets = letter(number).replace(b"\r\n", b"\n")
        path = directory / f"{1_700_000_000 + number}.M{number}P1.elsewhere,S={len(octets)}"
        path.write_bytes(octets)
        made.append(path)
    return made


class Side:
    """One server; ``maildir`` is where its mailboxes are, which belong to ``owner``."""

    def __init__(self, place: Place, maildir: Path, owner: tuple[int, int]) -> None:
        self._place = place
        self._maildir = maildir
        self._owner = owner
        self._made = 0

    def mailbox(self, files: list[Path]) -> str:
        """Put ``files`` into a new mailbox and return its name."""
        self._made += 1
        name = f"Box{self._made}"
        box = self._maildir / f".{name}"
        for sub in ("tmp", "new", "cur"):
            (box / sub).mkdir(parents=True)
        for file in files:
            shutil.copy2(file, box / "cur" / f"{file.name}:2,")
        for path in (box, *box.rglob("*")):
            os.chown(path, *self._owner)
        return name

    def client(self) -> Client:
        return Client(*self._place)


Prepare = Callable[[Side, list[Path]], tuple[Client, list[str]]]


def cold(*commands: str) -> Prepare:
    """Run ``commands`` in a mailbox that no server has seen."""

    def prepare(side: Side, files: list[Path]) -> tuple[Client, list[str]]:
        name = side.mailbox(files)
        return side.client(), [f"SELECT {name}", *commands]

    return prepare


def warm(*commands: str, before: tuple[str, ...] = ()) -> Prepare:
    """Run ``commands`` in a mailbox that has been opened and read before."""

    def prepare(side: Side, files: list[Path]) -> tuple[Client, list[str]]:
        client, name = side.client(), side.mailbox(files)
        client.run(f"SELECT {name}")
        client.run("FETCH 1:* (FLAGS ENVELOPE BODYSTRUCTURE)")
        client.run(f"CREATE To{name}")
        for command in before:
            client.run(command)
        return client, [command.replace("TARGET", f"To{name}") for command in commands]

    return prepare


def works(count: int) -> dict[str, Prepare]:
    some = f"1:{min(count, MANY)}"
    return {
        "open, cold": cold(),
        "open, list, cold": cold("FETCH 1:* (UID FLAGS)"),
        "open, read all, cold (rebuild)": cold("FETCH 1:* (ENVELOPE BODYSTRUCTURE)"),
        "list, warm": warm("FETCH 1:* (UID FLAGS)"),
        "flag 1,000": warm(f"STORE {some} +FLAGS.SILENT (\\Flagged)"),
        "copy 1,000": warm(f"COPY {some} TARGET"),
        "move 1,000": warm(f"MOVE {some} TARGET"),
        "expunge 1,000": warm("EXPUNGE", before=(f"STORE {some} +FLAGS.SILENT (\\Deleted)",)),
        "search for words, before they are indexed": warm('SEARCH TEXT "holiday soup garden"'),
    }


def rate(side: Side, prepare: Prepare, files: list[Path]) -> float:
    """Do one piece of work in a mailbox of its own; return how often a second that would be."""
    client, commands = prepare(side, files)
    begun = time.perf_counter()
    for command in commands:
        client.run(command)
    seconds = time.perf_counter() - begun
    client.close()
    return 1 / seconds


def memory_of(maildir: Path) -> str:
    """Return the memory of the process that has the mailboxes of homemail open."""
    lock = (maildir.parent / ".homemail/lock").stat().st_ino
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if any(os.stat(fd).st_ino == lock for fd in (process / "fd").iterdir()):
                status = (process / "status").read_text()
                return next(line for line in status.splitlines() if line.startswith("VmHWM"))
        except OSError:
            continue
    return "VmHWM: unknown"


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
        files = messages(directory / "messages", words.messages)
        with homemail(directory) as ours, dovecot(directory) as theirs:
            sides = []
            for place, server in ((ours, "homemail"), (theirs, "dovecot")):
                Client(*place, "INBOX").close()
                (inbox,) = [
                    p.parent
                    for p in (directory / server).rglob("cur")
                    if "alice" in str(p) or server == "dovecot"
                ]
                status = inbox.stat()
                sides.append(Side(place, inbox, (status.st_uid, status.st_gid)))
            print(table("Dovecot", []))
            for work, prepare in works(words.messages).items():
                if words.only in work:
                    mine, other = (partial(rate, side, prepare, files) for side in sides)
                    done = take_turns(work, mine, other, words.pairs)
                    print(table("Dovecot", [done]).splitlines()[-1], flush=True)
            print(f"\nhomemail's most: {memory_of(sides[0]._maildir)}")


if __name__ == "__main__":
    main()
