# SPDX-License-Identifier: MIT
"""EXPUNGE (RFC 3501 §6.4.3)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from homemail.imap.extension import Extension
from homemail.imap.response import Tagged, ok
from homemail.imap.selected import Selected
from homemail.imap.session import Session, must_write, selected
from homemail.model.mailbox import Uid


@dataclass(frozen=True, slots=True)
class Expunge:
    """EXPUNGE."""


async def _expunge(session: Session, view: Selected, command: Expunge) -> Tagged:
    must_write(view)
    gone = await session.mail.change(view.mailbox.expunge)
    return expunged(session, view, gone)


def expunged(session: Session, view: Selected, gone: Sequence[Uid]) -> Tagged:
    """Return the answer; the watcher has heard which they were, and they are told before it."""
    if gone and b"QRESYNC" in session.enabled:  # RFC 7162 §3.2.7
        return ok("Messages expunged", b"HIGHESTMODSEQ %d" % view.highest_mod_seq)
    return ok("Messages expunged")


EXPUNGE = Extension(
    grammar={b"EXPUNGE": lambda scanner: Expunge()}, handlers={Expunge: selected(_expunge)}
)
