# SPDX-License-Identifier: MIT
"""``homemail queue``: the mail that waits to go elsewhere.

Listing reads the files; what changes something is done by the running server, or here without one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from homemail.cli.failures import Failed
from homemail.cli.installation import load_settings
from homemail.cli.output import print_json, printable
from homemail.cli.parser import Arguments, Parser
from homemail.config.spelling import nearest
from homemail.errors import Temporary
from homemail.model.envelope import Recipient
from homemail.model.queue import QueuedRecipient, QueueEntry
from homemail.mta.queue.files import read_entries
from homemail.mta.queue.line_clock import read_clock
from homemail.mta.queue.listing import mailq_json, mailq_lines


def configure(parser: Parser) -> None:
    """Add the commands below."""
    parser.examples = ("homemail queue list", "homemail queue show ID")
    listing = parser.add_command(
        "list",
        "list what waits, oldest first",
        run_list,
        details=(
            'As Postfix\'s mailq: "*" behind an id means that it is being sent now, "!" that it is '
            'on hold, "#" that its file is damaged. Below each message stand the recipients that '
            "wait, and why."
        ),
        examples=("homemail queue list", "homemail queue list --json | jq .sender"),
    )
    listing.add_argument(
        "--json", action="store_true", help="a JSON object per line, as postqueue -j"
    )
    show = parser.add_command(
        "show",
        "show one message's envelope and what became of each recipient",
        run_show,
        examples=("homemail queue show ID", "homemail queue show ID --json"),
    )
    show.add_argument("id", metavar="ID", help="the queue id, the first word in the list")
    show.add_argument("--json", action="store_true", help="JSON, for programs")
    parser.add_command(
        "flush",
        "try everything that is deferred now",
        run_flush,
        details="What is on hold stays there. Needs a running server.",
        examples=("homemail queue flush",),
    )
    for word, summary in _CHANGES.items():
        changing = parser.add_command(
            word, summary, run_change, examples=(f"homemail queue {word} ID",)
        )
        changing.add_argument("ids", metavar="ID", nargs="+", help="a queue id, as in the list")
        changing.set_defaults(do=word)


_CHANGES = {
    "hold": "put messages on hold: they are not tried until they are released",
    "release": "take messages off hold and try them now",
    "retry": "try deferred messages now",
    "remove": "remove messages for good; nobody is told",
}


def run_list(arguments: Arguments) -> int:
    """Print every entry."""
    entries = _entries(arguments)
    if arguments.json:
        print(*mailq_json(entries), sep="\n", end="\n" if entries else "")
        return 0
    for line in mailq_lines(entries):
        print(line)
    return 0


def run_flush(arguments: Arguments) -> int:
    """Ask the server to try what waits."""
    _change(arguments, {"do": "flush"})
    return 0


def run_change(arguments: Arguments) -> int:
    """Change the entries named; say which could not be."""
    _change(arguments, {"do": arguments.do, "ids": arguments.ids})
    return 0


def _change(arguments: Arguments, request: Mapping[str, object]) -> None:
    from homemail.cli.house import queue_events  # what only lists must not load a server

    events = queue_events(load_settings(arguments), request)
    troubles = [f"{event['id']}: {event['trouble']}" for event in events if "trouble" in event]
    if troubles:
        raise Failed("; ".join(troubles))


def run_show(arguments: Arguments) -> int:
    """Print one entry."""
    entries = _entries(arguments)
    entry = next((entry for entry in entries if entry.id == arguments.id), None)
    if entry is None:
        near = nearest(arguments.id, [entry.id for entry in entries])
        raise Failed(f'no message "{arguments.id}" in the queue{near}')
    if arguments.json:
        print_json(_facts(entry))
        return 0
    for line in _lines(entry):
        print(printable(line))
    return 0


def _entries(arguments: Arguments) -> Sequence[QueueEntry]:
    directory = load_settings(arguments).site.queue_directory
    try:
        return read_entries(directory, read_clock(directory / "clock"))
    except Temporary as error:
        if isinstance(error.__cause__, FileNotFoundError):  # no server has run here yet
            return []
        raise


def _lines(entry: QueueEntry) -> Iterator[str]:
    envelope = entry.envelope
    rows = {
        "id": entry.id,
        "state": entry.state.value,
        "received": f"{entry.received_at.astimezone():%Y-%m-%d %H:%M:%S %z}",
        "size": f"{entry.size} octets",
        "attempts": str(entry.attempts),
        "from": f"<{envelope.reverse_path or ''}>",
        "account": envelope.submitter or "",
        "came by": envelope.origin.value,
        "came from": envelope.parent or "",
    }
    yield from (f"{label + ':':<10} {value}" for label, value in rows.items() if value)
    for queued in entry.recipients:
        recipient = queued.recipient
        target = f" {recipient.target}" if recipient.target else ""
        yield f"{'to:':<10} <{recipient.forward_path}>{target} {queued.status.value}"
        if queued.reason:
            yield f"{'':<10}   {queued.reason}"


def _facts(entry: QueueEntry) -> dict[str, object]:
    envelope = entry.envelope
    return {
        "id": entry.id,
        "state": entry.state.value,
        "received": entry.received_at.isoformat(),
        "age_seconds": round(entry.age),
        "size": entry.size,
        "attempts": entry.attempts,
        "from": str(envelope.reverse_path or ""),
        "account": envelope.submitter,
        "origin": envelope.origin.value,
        "parent": envelope.parent,
        "envelope_id": envelope.envelope_id,
        "recipients": [_recipient_facts(queued) for queued in entry.recipients],
    }


def _recipient_facts(queued: QueuedRecipient) -> dict[str, object]:
    recipient: Recipient = queued.recipient
    return {
        "address": str(recipient.forward_path),
        "target": recipient.target or None,
        "original": recipient.original.text if recipient.original else None,
        "status": queued.status.value,
        "reason": queued.reason or None,
    }
