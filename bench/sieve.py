# SPDX-License-Identifier: MIT
"""Sieve beside Pigeonhole: scripts of 50 and 500 rules over a mailbox, nothing carried out.

    python -m bench.sieve [--messages 2000] [--pairs 3]

Both are commands that read the same Maildir: ``homemail sieve run`` and ``sieve-filter`` (Debian's
dovecot-sieve), which has compiled its script before. The time to start is in the figures.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

from bench.turns import table, take_turns

RULES = (50, 500)
BODY = "Some text of a letter, as people write it.\n" * 40


def make_mailbox(directory: Path, messages: int) -> None:
    for name in ("cur", "new", "tmp"):
        (directory / name).mkdir(parents=True)
    for number in range(messages):
        head = (
            f"Return-Path: <s{number}@example.org>\nReceived: from a by b; Sat, 21 Nov 2026\n"
            f"From: Sender {number} <s{number}@example.org>\nTo: alice@home.test\n"
            f"Subject: letter word{number % 700} of many\nMessage-ID: <{number}@example.org>\n"
            f"Date: Sat, 21 Nov 2026 12:00:00 +0000\nList-Id: <l{number % 50}.example.org>\n\n"
        )
        path = directory / "cur" / f"{1_700_000_000 + number}.M{number}P1.host:2,S"
        path.write_text(head + BODY)


def make_script(path: Path, rules: int) -> None:
    """Rules of the usual kinds; most messages go through all of them."""
    kinds = (
        'header :contains "subject" "word{n} of few"',
        'address :is "from" "s{n}@example.net"',
        'header :matches "list-id" "*<m{n}.example.org>*"',
        'allof (header :contains "to" "bob{n}", not header :is "x-flag" "yes")',
        'envelope :is "from" "t{n}@example.org"',
    )
    lines = ['require ["fileinto", "envelope"];']
    for number in range(rules):
        test = kinds[number % len(kinds)].format(n=number)
        lines.append(f'if {test} {{ fileinto "INBOX"; stop; }}')
    path.write_text("\n".join(lines) + "\n")


def give(base: Path, uid: int, gid: int) -> None:
    if os.geteuid() == 0:
        for path in (base, *base.rglob("*")):
            os.chown(path, uid, gid)


def rate(command: list[str], home: Path, messages: int) -> float:
    begun = time.perf_counter()
    surroundings = {**os.environ, "HOME": str(home), "USER": "alice"}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=surroundings)
    if done.returncode:
        raise SystemExit(done.stderr[-2000:])
    return messages / (time.perf_counter() - begun)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=2000)
    parser.add_argument("--pairs", type=int, default=3)
    arguments = parser.parse_args()
    peer = shutil.which("sieve-filter")
    if peer is None:
        raise SystemExit("sieve-filter is not installed (apt-get install dovecot-sieve)")
    with tempfile.TemporaryDirectory() as directory:
        base = Path(directory)
        # Dovecot reads no mailbox as root.
        uid, gid = (65534, 65534) if os.geteuid() == 0 else (os.getuid(), os.getgid())
        box = base / "Maildir"
        make_mailbox(box, arguments.messages)
        (base / "dovecot.conf").write_text(
            f"mail_location = maildir:{box}\nbase_dir = {base}/run\nssl = no\n"
            "first_valid_uid = 0\nfirst_valid_gid = 0\n"
            f"mail_uid = {uid}\nmail_gid = {gid}\nmail_home = "
            + directory
            + "\nlog_path = /dev/stderr\n"
        )
        works = []
        for rules in RULES:
            script = base / f"rules{rules}.sieve"
            make_script(script, rules)
            give(base, uid, gid)
            ours = [sys.executable, "-m", "homemail", "sieve", "run", str(script)]
            ours += ["--mailbox", str(box)]
            theirs = [peer, "-c", str(base / "dovecot.conf"), str(script), "INBOX"]
            rate(theirs, base, 1)  # which compiles the script and makes the index
            works.append(
                take_turns(
                    f"{rules} rules, messages",
                    partial(rate, ours, base, arguments.messages),
                    partial(rate, theirs, base, arguments.messages),
                    arguments.pairs,
                )
            )
        print(table("Pigeonhole", works))


if __name__ == "__main__":
    main()
