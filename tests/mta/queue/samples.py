# SPDX-License-Identifier: MIT
"""Envelopes, contents and clocks for the tests of the queue."""

from __future__ import annotations

from homemail.model.address import Address
from homemail.model.envelope import (
    Body,
    Envelope,
    Notify,
    Origin,
    OriginalRecipient,
    Recipient,
    Ret,
    new_trace,
)
from homemail.model.message import MemoryContent

CONTENT = MemoryContent(b"From: alice@home.test\r\nSubject: hello\r\n\r\nHello\r\n.dot\r\n")


class FakeTime:
    """Monotonic seconds that pass when told."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


def recipient(text, **fields):
    return Recipient(Address.parse(text), **fields)


def envelope(*recipients, sender="alice@home.test", trace=None, **fields):
    return Envelope(
        reverse_path=None if sender is None else Address.parse(sender),
        recipients=tuple(r if isinstance(r, Recipient) else recipient(r) for r in recipients),
        trace=trace or new_trace(),
        origin=fields.pop("origin", Origin.SUBMISSION),
        **fields,
    )


FULL = envelope(
    recipient(
        '"odd name"@far.test',
        original=OriginalRecipient("rfc822", "Odd+Name@far.test"),
        notify=Notify.SUCCESS | Notify.DELAY,
    ),
    recipient("δοκιμή@παράδειγμα.test", notify=Notify.NEVER),
    trace="FULL1",
    ret=Ret.HDRS,
    envelope_id="QQ 314159",
    body=Body.EIGHT_BIT,
    utf8=True,
    submitter="alice@home.test",
    parent="PARENT1",
    extra={"held-by": "nobody"},
)
