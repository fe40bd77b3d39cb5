# SPDX-License-Identifier: MIT
"""UNAUTHENTICATE: back to the state before login, on the same connection (RFC 8437 §3)."""

from __future__ import annotations

from dataclasses import dataclass

from homemail.imap.extension import Extension
from homemail.imap.response import Tagged, ok
from homemail.imap.session import Session


@dataclass(frozen=True, slots=True)
class Unauthenticate:
    """UNAUTHENTICATE."""


async def _unauthenticate(session: Session, command: Unauthenticate) -> Tagged:
    await session.unselect()
    session.finished = session.logs_in_again = True
    return ok("Log in again")


UNAUTHENTICATE = Extension(
    capability=b"UNAUTHENTICATE",
    grammar={b"UNAUTHENTICATE": lambda scanner: Unauthenticate()},
    handlers={Unauthenticate: _unauthenticate},
)
