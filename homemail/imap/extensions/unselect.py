# SPDX-License-Identifier: MIT
"""UNSELECT: leave a mailbox without expunging (RFC 3691 §2)."""

from __future__ import annotations

from dataclasses import dataclass

from homemail.imap.extension import Extension
from homemail.imap.response import Tagged, ok
from homemail.imap.selected import Selected
from homemail.imap.session import Session, selected


@dataclass(frozen=True, slots=True)
class Unselect:
    """UNSELECT."""


async def _unselect(session: Session, view: Selected, command: Unselect) -> Tagged:
    await session.unselect()
    return ok("Mailbox left")


UNSELECT = Extension(
    capability=b"UNSELECT",
    grammar={b"UNSELECT": lambda scanner: Unselect()},
    handlers={Unselect: selected(_unselect)},
)
