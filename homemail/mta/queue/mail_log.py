# SPDX-License-Identifier: MIT
"""Lines in the shape of a mail log, as people and log analysers know it from Postfix."""

from __future__ import annotations

import re
from datetime import datetime

from homemail.model.queue import QueuedRecipient, QueueEntry, RecipientStatus

_WORDS = {
    RecipientStatus.PENDING: "deferred",
    RecipientStatus.DELIVERED: "sent",
    RecipientStatus.RELAYED: "sent",
    RecipientStatus.EXPANDED: "sent",
    RecipientStatus.FAILED: "bounced",
}


def active_line(entry: QueueEntry) -> str:
    """Return the line of an entry that is about to be tried."""
    sender = "" if entry.envelope.reverse_path is None else str(entry.envelope.reverse_path)
    count = len(entry.recipients)
    return printable(
        f"{entry.id}: from=<{sender}>, size={entry.size}, nrcpt={count} (queue active)"
    )


def outcome_line(entry: QueueEntry, queued: QueuedRecipient, now: datetime) -> str:
    """Return the line of what became of one recipient; delay is in seconds of the wall clock."""
    reply = queued.last_reply
    original = queued.recipient.original
    words = [f"to=<{queued.recipient.forward_path}>"]
    if original is not None and original.text != str(queued.recipient.forward_path):
        words.append(f"orig_to=<{original.text}>")
    local = queued.status in (RecipientStatus.DELIVERED, RecipientStatus.EXPANDED)
    words.append(f"relay={queued.relay or ('local' if local else 'none')}")
    words.append(f"delay={max(0.0, (now - entry.received_at).total_seconds()):.2f}")
    words.append(f"dsn={(reply and reply.status) or '-'}")
    said = str(reply) if queued.status is RecipientStatus.RELAYED else queued.reason
    words.append(f"status={_WORDS[queued.status]} ({said})")
    return printable(f"{entry.id}: {', '.join(words)}")


def printable(text: str) -> str:
    """Return ``text`` with nothing in it that could end or forge a line."""
    return re.sub(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]", "?", text)
