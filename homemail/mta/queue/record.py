# SPDX-License-Identifier: MIT
"""The record of a queue entry: values to lines of JSON and back (docs/formats/queue.md).

The *head* is written once. A *change* is a line with the fields that are new; lines that are
never rewritten carry along whatever keys a later version put there.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from types import MappingProxyType
from typing import Any

from homemail.model.address import AccountId, Address, Domain, parse_local_part
from homemail.model.envelope import (
    Body,
    Envelope,
    Notify,
    Origin,
    OriginalRecipient,
    QueueId,
    Recipient,
    Ret,
    TraceId,
)
from homemail.model.queue import LineTime, QueuedRecipient, QueueEntry, QueueState, RecipientStatus
from homemail.model.reply import Reply

FORMAT = b"homemail-queue 1\n"


class CorruptRecord(ValueError):
    """What is written is not a record; the text says where it went wrong."""


class NewerRecord(ValueError):
    """The record is of a later version of the format."""


@dataclass(frozen=True, slots=True)
class Stored:
    """An entry as it is kept: with the line clock's reading when it came, and its faults.

    ``entry.age`` is not kept: it is what the line clock says less ``line_time``.
    """

    entry: QueueEntry
    line_time: LineTime
    faults: int = 0


def encode_head(stored: Stored) -> bytes:
    """Return the head's line."""
    entry = stored.entry
    envelope = entry.envelope
    return _line(
        {
            "id": entry.id,
            "received_at": entry.received_at.astimezone(UTC).isoformat(),
            "line_time": stored.line_time,
            "size": entry.size,
            "state": entry.state.value,
            "envelope": _envelope(envelope),
            "recipients": [_recipient(recipient) for recipient in envelope.recipients],
        }
    )


def encode_change(old: Stored, new: Stored, at: datetime, line_time: LineTime) -> bytes:
    """Return the line that turns ``old`` into ``new``; wall and line time are for the reader."""
    fields: dict[str, object] = {"at": at.astimezone(UTC).isoformat(), "line_time": line_time}
    if new.entry.state is not old.entry.state:
        fields["state"] = new.entry.state.value
    if new.entry.attempts != old.entry.attempts:
        fields["attempts"] = new.entry.attempts
    if new.entry.next_attempt != old.entry.next_attempt:
        fields["next_attempt"] = new.entry.next_attempt
    if new.faults != old.faults:
        fields["faults"] = new.faults
    pairs = enumerate(zip(old.entry.recipients, new.entry.recipients, strict=True))
    changed = {str(index): _outcome(after) for index, (before, after) in pairs if before != after}
    if changed:
        fields["recipients"] = changed
    return _line(fields)


def decode_head(line: bytes) -> Stored:
    """Return the entry of a head's line.

    Raises:
        CorruptRecord: it is not one.
    """
    try:
        return _read_head(_parse(line))
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise CorruptRecord(f"the head cannot be read: {error!r}") from error


def apply_change(stored: Stored, line: bytes) -> tuple[Stored, LineTime]:
    """Return what ``stored`` became, and the line clock's reading at that time.

    Raises:
        CorruptRecord: the line is not a change of this entry.
    """
    try:
        return _read_change(stored, _parse(line))
    except (KeyError, TypeError, ValueError, AttributeError, IndexError, RecursionError) as error:
        raise CorruptRecord(f"a change cannot be read: {error!r}") from error


def check_format(line: bytes) -> None:
    """Check a file's first line.

    Raises:
        NewerRecord: a later version wrote it.
        CorruptRecord: it is no queue file.
    """
    if line == FORMAT:
        return
    name, _, version = line.strip().partition(b" ")
    if name == b"homemail-queue" and version.isdigit() and line.endswith(b"\n"):
        raise NewerRecord(
            f"written by a newer homemail (homemail-queue {version.decode()}); this one reads 1"
        )
    raise CorruptRecord("the first line is not that of a queue file")


def _line(fields: Mapping[str, object]) -> bytes:
    # Escaped to ASCII: an address may hold what UTF-8 cannot (lone surrogates from a client).
    return json.dumps(fields, separators=(",", ":")).encode("ascii") + b"\n"


def _parse(line: bytes) -> Any:
    return _DECODER.decode(line.decode("ascii"))


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no number")  # NaN would spoil every comparison of times


_DECODER = json.JSONDecoder(parse_constant=_refuse_constant)
_NOTHING: Mapping[str, str] = MappingProxyType({})

# Of 100,000 entries many have the same senders, hosts and reasons: each is read and kept once.
_read_address = lru_cache(4096)(Address.parse)
_read_domain = lru_cache(4096)(Domain.parse)


@lru_cache(4096)
def _read_reply(code: int, status: str, text: str) -> Reply:
    return Reply(_count(code), _text(status), _text(text))


def _read_forward_path(text: str) -> Address:
    local, at, domain = text.rpartition("@")
    if not at:
        raise ValueError("an address needs a domain")
    return Address(parse_local_part(local), _read_domain(domain))


def _envelope(envelope: Envelope) -> dict[str, object]:
    sender = envelope.reverse_path
    return {
        "reverse_path": None if sender is None else str(sender),
        "trace": envelope.trace,
        "origin": envelope.origin.value,
        "ret": envelope.ret and envelope.ret.value,
        "envelope_id": envelope.envelope_id,
        "body": envelope.body.value,
        "utf8": envelope.utf8,
        "submitter": envelope.submitter,
        "parent": envelope.parent,
        "extra": dict(envelope.extra),
    }


def _recipient(recipient: Recipient) -> dict[str, object]:
    original = recipient.original
    fields: dict[str, object] = {
        "forward_path": str(recipient.forward_path),
        "original": None if original is None else [original.address_type, original.text],
        "notify": _notify_words(recipient.notify),
    }
    if recipient.target:
        fields["target"] = recipient.target
    return fields


def _outcome(queued: QueuedRecipient) -> dict[str, object]:
    reply = queued.last_reply
    return {
        "status": queued.status.value,
        "reply": None if reply is None else [reply.code, reply.status, reply.text],
        "notified": _notify_words(queued.notified),
        "relay": queued.relay,
    }


def _notify_words(notify: Notify) -> list[str]:
    return [str(kind.name) for kind in notify]


def _notify(words: list[str]) -> Notify:
    return _notify_of(tuple(words))


@lru_cache(64)
def _notify_of(words: tuple[str, ...]) -> Notify:
    notify = Notify.NEVER
    for word in words:
        notify |= Notify[word]
    return notify


def _read_head(head: dict[str, Any]) -> Stored:
    recipients = tuple(_read_recipient(fields) for fields in head["recipients"])
    entry = QueueEntry(
        id=QueueId(_text(head["id"])),
        envelope=_read_envelope(head["envelope"], recipients, head["id"]),
        recipients=tuple(QueuedRecipient(recipient) for recipient in recipients),
        state=QueueState(head["state"]),
        size=_count(head["size"]),
        received_at=_time(head["received_at"]),
    )
    return Stored(entry, LineTime(float(head["line_time"])))


def _read_envelope(
    fields: dict[str, Any], recipients: tuple[Recipient, ...], queue_id: str
) -> Envelope:
    sender, ret = fields["reverse_path"], fields["ret"]
    submitter, parent = fields["submitter"], fields["parent"]
    return Envelope(
        reverse_path=None if sender is None else _read_address(sender),
        recipients=recipients,
        trace=TraceId(queue_id if fields["trace"] == queue_id else _text(fields["trace"])),
        origin=Origin(fields["origin"]),
        ret=None if ret is None else Ret(ret),
        envelope_id=fields["envelope_id"],
        body=Body(fields["body"]),
        utf8=bool(fields["utf8"]),
        submitter=None if submitter is None else AccountId(_text(submitter)),
        parent=None if parent is None else TraceId(_text(parent)),
        extra=_read_extra(fields["extra"]),
    )


def _read_extra(fields: dict[str, Any]) -> Mapping[str, str]:
    if not fields:
        return _NOTHING
    return MappingProxyType({_text(name): _text(value) for name, value in fields.items()})


def _read_recipient(fields: dict[str, Any]) -> Recipient:
    original = fields["original"]
    return Recipient(
        forward_path=_read_forward_path(fields["forward_path"]),
        original=None if original is None else OriginalRecipient(*map(_text, original)),
        notify=_notify(fields["notify"]),
        target=_text(fields.get("target", "")),
    )


def _read_change(stored: Stored, fields: dict[str, Any]) -> tuple[Stored, LineTime]:
    entry = stored.entry
    recipients = list(entry.recipients)
    for index, outcome in fields.get("recipients", {}).items():
        recipients[_count(int(index))] = _read_outcome(entry.recipients[int(index)], outcome)
    entry = QueueEntry(
        entry.id,
        entry.envelope,
        tuple(recipients),
        QueueState(fields["state"]) if "state" in fields else entry.state,
        entry.size,
        entry.received_at,
        entry.age,
        _count(fields.get("attempts", entry.attempts)),
        LineTime(float(fields.get("next_attempt", entry.next_attempt))),
    )
    faults = _count(fields.get("faults", stored.faults))
    return Stored(entry, stored.line_time, faults), LineTime(float(fields["line_time"]))


def _read_outcome(queued: QueuedRecipient, fields: dict[str, Any]) -> QueuedRecipient:
    reply = fields["reply"]
    return QueuedRecipient(
        queued.recipient,
        RecipientStatus(fields["status"]),
        None if reply is None else _read_reply(*reply),
        _notify(fields["notified"]),
        sys.intern(_text(fields["relay"])),
    )


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError("not a text")
    return value


def _count(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise TypeError("not a count")
    return value


def _time(value: object) -> datetime:
    time = datetime.fromisoformat(_text(value))
    if time.tzinfo is None:
        raise ValueError("a time without its zone")
    return time
