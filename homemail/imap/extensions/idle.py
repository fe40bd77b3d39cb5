# SPDX-License-Identifier: MIT
"""IDLE: changes are told as they happen (RFC 2177 §3)."""

from __future__ import annotations

from dataclasses import dataclass

from homemail.imap.extension import Extension
from homemail.imap.response import Tagged, bad, ok
from homemail.imap.session import Session


@dataclass(frozen=True, slots=True)
class Idle:
    """IDLE."""


async def _idle(session: Session, command: Idle) -> Tagged:
    await session.refresh()
    session.send(b"+ idling\r\n")
    session.tell()
    line = await session.dialogue.read_line(session.dialogue.timeout, session.tell)
    if line.octets is None or line.octets.upper() != b"DONE":
        return bad("Expected DONE")
    return ok("Idle ended")


IDLE = Extension(
    capability=b"IDLE", grammar={b"IDLE": lambda scanner: Idle()}, handlers={Idle: _idle}
)
