# SPDX-License-Identifier: MIT
"""EXPUNGE (RFC 3501 §6.4.3)."""

from __future__ import annotations

from dataclasses import dataclass

from homemail.imap.extension import Extension
from homemail.imap.response import Tagged, ok
from homemail.imap.selected import Selected
from homemail.imap.session import Session, must_write, selected


@dataclass(frozen=True, slots=True)
class Expunge:
    """EXPUNGE."""


async def _expunge(session: Session, view: Selected, command: Expunge) -> Tagged:
    must_write(view)
    await session.mail.change(view.mailbox.expunge)
    return ok("Messages expunged")  # the watcher has heard which; they are told before this


EXPUNGE = Extension(
    grammar={b"EXPUNGE": lambda scanner: Expunge()}, handlers={Expunge: selected(_expunge)}
)
