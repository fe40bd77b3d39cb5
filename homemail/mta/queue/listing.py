# SPDX-License-Identifier: MIT
"""The queue as a person or a program reads it: Postfix's ``mailq`` form, and JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import tzinfo
from itertools import groupby

from homemail.model.queue import QueuedRecipient, QueueEntry, QueueState
from homemail.mta.queue.mail_log import printable

_MARKS = {QueueState.ACTIVE: "*", QueueState.HOLD: "!", QueueState.CORRUPT: "#"}
_HEADS = ("-Queue ID-", "--Size--", "----Arrival Time----", "-Sender/Recipient-------")
_INDENT = 41  # where the recipients stand in the classic form


def mailq_lines(entries: Sequence[QueueEntry], zone: tzinfo | None = None) -> Iterator[str]:
    """Yield the lines of the list: ``*`` is being tried, ``!`` on hold, ``#`` corrupt.

    Times are in ``zone``, by default that of this machine. Only recipients still pending are
    listed, under the reason that they wait for.
    """
    if not entries:
        yield "Mail queue is empty"
        return
    width = max(11, *(len(entry.id) + 2 for entry in entries))
    yield f"{_HEADS[0]:<{width}} {_HEADS[1]:>8} {_HEADS[2]:>20} {_HEADS[3]}"
    for entry in entries:
        yield from _entry_lines(entry, width, zone)
        yield ""
    size = sum(entry.size for entry in entries) // 1024
    plural = "" if len(entries) == 1 else "s"
    yield f"-- {size} Kbytes in {len(entries)} Request{plural}."


def mailq_json(entries: Sequence[QueueEntry]) -> Iterator[str]:
    """Yield one JSON object for each entry, in the form of ``postqueue -j``."""
    for entry in entries:
        yield json.dumps(
            {
                "queue_name": entry.state.value,
                "queue_id": entry.id,
                "arrival_time": int(entry.received_at.timestamp()),
                "message_size": entry.size,
                "attempts": entry.attempts,
                "sender": _sender(entry),
                "recipients": [_recipient(queued) for queued in entry.pending],
            }
        )


def _entry_lines(entry: QueueEntry, width: int, zone: tzinfo | None) -> Iterator[str]:
    name = f"{entry.id}{_MARKS.get(entry.state, '')}"
    when = entry.received_at.astimezone(zone).strftime("%a %b %e %H:%M:%S")
    yield f"{name:<{width}} {entry.size:>8} {when}  {_sender(entry)}"
    if entry.state is QueueState.CORRUPT:
        yield f"(corrupt: the file is kept as corrupt/{printable(entry.id)})"
    for reason, group in groupby(entry.pending, key=_reason):
        if reason:
            yield f"({reason})"
        for queued in group:
            yield f"{'':{_INDENT}}{printable(str(queued.recipient.forward_path))}"


def _sender(entry: QueueEntry) -> str:
    sender = entry.envelope.reverse_path
    return "MAILER-DAEMON" if sender is None else printable(str(sender))


def _reason(queued: QueuedRecipient) -> str:
    return printable(queued.reason)


def _recipient(queued: QueuedRecipient) -> dict[str, str]:
    address = str(queued.recipient.forward_path)
    reason = queued.reason
    return {"address": address, "delay_reason": reason} if reason else {"address": address}
