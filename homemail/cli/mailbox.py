# SPDX-License-Identifier: MIT
"""``homemail mailbox``: look after the mailboxes, while a server runs or while none does."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import cast

from homemail.cli.failures import Failed
from homemail.cli.house import account_names, mailbox_events
from homemail.cli.installation import load_settings
from homemail.cli.output import print_json, print_table, printable
from homemail.cli.parser import Arguments, Parser
from homemail.cli.progress import show_progress
from homemail.config.declare import Time
from homemail.roles.control import Event

_SHOWN = 50


def configure(parser: Parser) -> None:
    """Add the commands below."""
    parser.details = (
        "A running server does the work itself, so nobody has to log out; where none runs, the "
        "command does."
    )
    parser.examples = (
        "homemail mailbox check",
        "homemail mailbox reindex alice",
        "homemail mailbox undelete alice",
    )
    check = parser.add_command(
        "check",
        "compare messages, their names and the index",
        run_check,
        details=(
            "Reads every message. Says what is not as it should be; only the index is mended. The "
            "exit status is 1 where something was found that is not."
        ),
        examples=("homemail mailbox check", "homemail mailbox check alice --mailbox Work"),
    )
    reindex = parser.add_command(
        "reindex",
        "make the index of mailboxes anew",
        run_reindex,
        details=(
            "Hardly ever needed: an index that is missing or damaged is made anew by itself. UIDs, "
            "flags and dates stay as they are."
        ),
        examples=("homemail mailbox reindex alice",),
    )
    for below in (check, reindex):
        below.add_argument("account", metavar="ACCOUNT", nargs="?", help="whose; else everybody's")
        below.add_argument(
            "--mailbox", metavar="NAME", help="only this mailbox, such as Work/Bills"
        )
    _configure_undelete(parser)


def _configure_undelete(parser: Parser) -> None:
    undelete = parser.add_command(
        "undelete",
        "list what was deleted, or bring it back",
        run_undelete,
        details=(
            "Without an ID or --all it lists what can be brought back, the newest first. Messages "
            "come back into the mailbox they were in, with their flags and dates. How long they "
            "are kept says the setting undelete_for."
        ),
        examples=(
            "homemail mailbox undelete alice",
            "homemail mailbox undelete alice 5f0c2a9e41b7",
            "homemail mailbox undelete alice --mailbox Work --since 2h --all",
        ),
    )
    undelete.add_argument("account", metavar="ACCOUNT", help="whose")
    undelete.add_argument("ids", metavar="ID", nargs="*", help="bring this message back")
    undelete.add_argument("--all", action="store_true", help="bring back all that would be listed")
    undelete.add_argument("--mailbox", metavar="NAME", help="only what was in this mailbox")
    undelete.add_argument("--since", metavar="TIME", help='only of the last TIME, such as "2h"')
    undelete.add_argument("--json", action="store_true", help="list everything, as JSON")


def run_check(arguments: Arguments) -> int:
    """Say what is wrong."""
    return _through(arguments, "check")


def run_reindex(arguments: Arguments) -> int:
    """Make indexes anew."""
    return _through(arguments, "reindex")


def _through(arguments: Arguments, do: str) -> int:
    settings = load_settings(arguments)
    accounts = [arguments.account] if arguments.account else account_names(settings)
    wrong = 0
    for account in accounts:
        request = {"do": do, "account": account, "mailbox": arguments.mailbox}
        mailbox, total, said = "", 0, False
        for event in mailbox_events(settings, request):
            if "mailbox" in event:
                _end(account, mailbox, total, said=said)
                mailbox, total, said = str(event["mailbox"]), 0, False
            elif "progress" in event:
                done, total = cast(list[int], event["progress"])
                show_progress(f"{account} {mailbox}", done, total)
            elif "found" in event:
                found, said = cast(dict[str, object], event["found"]), True
                print(printable(f"{account} {mailbox}: {found['text']}"))
                wrong += do == "check" and not found["mended"]
        _end(account, mailbox, total, said=said)
    return 1 if wrong else 0


def _end(account: str, mailbox: str, total: int, *, said: bool) -> None:
    if mailbox and not said:
        print(printable(f"{account} {mailbox}: {total} messages, nothing wrong"))


def run_undelete(arguments: Arguments) -> int:
    """List or restore."""
    settings = load_settings(arguments)
    request: dict[str, object] = {"account": arguments.account, "mailbox": arguments.mailbox}
    if arguments.since:
        request["since"] = time.time() - _seconds(arguments.since)
    if arguments.ids or arguments.all:
        request |= {"do": "restore", "ids": arguments.ids}
        return _restore(arguments.account, mailbox_events(settings, request))
    request |= {"do": "removed", "limit": 0 if arguments.json else _SHOWN}
    return _list(arguments, mailbox_events(settings, request))


def _seconds(text: str) -> float:
    try:
        return Time().parse(text)
    except ValueError as error:
        raise Failed(f"--since: expected {error}") from None


def _restore(account: str, events: Iterator[Event]) -> int:
    counts: dict[str, int] = {}
    for event in events:
        if "progress" in event:
            done, total = cast(list[int], event["progress"])
            show_progress(account, done, total)
        for mailbox in cast(Mapping[str, str], event.get("restored", {})).values():
            counts[mailbox] = counts.get(mailbox, 0) + 1
    for mailbox, count in sorted(counts.items()):
        print(printable(f"{account} {mailbox}: {count} brought back"))
    if not counts:
        print("nothing to bring back")
    return 0


def _list(arguments: Arguments, events: Iterator[Event]) -> int:
    rows: list[Mapping[str, object]] = []
    more = 0
    for event in events:
        if "removed" in event:
            rows.append(cast(Mapping[str, object], event["removed"]))
        more = cast(int, event.get("more", more))
    if arguments.json:
        print_json(rows)
        return 0
    print_table(("ID", "DELETED", "MAILBOX", "FROM", "SUBJECT"), map(_row, rows))
    if more:
        print(f"and {more} older ones; --mailbox and --since choose, --json has all")
    if not rows:
        print("nothing can be brought back", file=sys.stderr)
    return 0


def _row(facts: Mapping[str, object]) -> Sequence[str]:
    at = datetime.fromtimestamp(cast(float, facts["removed_at"])).astimezone()
    texts = [str(facts[key]) for key in ("mailbox", "from", "subject")]
    return [str(facts["id"]), f"{at:%Y-%m-%d %H:%M}", *(text[:40] for text in texts)]
