# SPDX-License-Identifier: MIT
"""Whether ``vacation`` may answer a message, and what tells one answer from others."""

from __future__ import annotations

import re
from collections.abc import Iterable

from homemail.mda import ledger
from homemail.message.address_list import parse_addresses
from homemail.message.header import field_bodies, read_fields
from homemail.model.address import Address
from homemail.sieve import Vacation

_LIST_FIELDS = (
    b"list-id",
    b"list-help",
    b"list-subscribe",
    b"list-unsubscribe",
    b"list-post",
    b"list-owner",
    b"list-archive",
)
_RECIPIENT_FIELDS = (b"to", b"cc", b"bcc", b"resent-to", b"resent-cc", b"resent-bcc")
_AUTOMATIC = re.compile(
    r"mailer-daemon|listserv|majordomo|no-?reply|do-?not-?reply|bounces?|(?:.*-)?request|owner-.*"
    r"|.*-(?:owner|bounces?)|root|daemon|nobody",
    re.IGNORECASE,
)


def reason_not_to_answer(header: bytes, sender: Address | None, own: Iterable[str]) -> str | None:
    """Return why this message gets no answer, or None where it may get one.

    ``own`` are the owner's addresses.

    Source: RFC 5230 §4.5, RFC 5230 §4.6, RFC 3834 §2.
    """
    if sender is None:
        return "the null sender"
    if _AUTOMATIC.fullmatch(sender.local_part):
        return "the sender is a machine"
    mine = {address.lower() for address in own}
    if str(sender).lower() in mine:
        return "the owner himself"
    fields = read_fields(header)
    if is_automatic(header):
        return "sent automatically"
    if any(name in fields for name in _LIST_FIELDS):
        return "from a mailing list"
    if fields.get(b"precedence", [b""])[0].lower() in (b"bulk", b"list", b"junk"):
        return "precedence"
    if not any(
        _is_named(body, mine) for name in _RECIPIENT_FIELDS for body in fields.get(name, ())
    ):
        return "not addressed to the owner"
    return None


def is_automatic(header: bytes) -> bool:
    """Whether the message says that a machine sent it (RFC 3834 §5)."""
    bodies = field_bodies(header, b"auto-submitted") or [b"no"]
    return bodies[0].partition(b";")[0].partition(b"(")[0].strip().lower() != b"no"


def _is_named(body: bytes, mine: set[str]) -> bool:
    return any(
        entry.host and f"{_text(entry.mailbox)}@{_text(entry.host)}".lower() in mine
        for entry in parse_addresses(body)
    )


def _text(octets: bytes | None) -> str:
    return (octets or b"").decode("utf-8", "replace")


def answer_key(action: Vacation, sender: Address) -> bytes:
    """Return what tells one answer to one sender from others (RFC 5230 §4.2)."""
    words = [str(sender).lower(), action.handle]
    if not action.handle:
        words += [action.subject or "", action.header_from or "", str(action.mime), action.reason]
    return ledger.digest(words)
