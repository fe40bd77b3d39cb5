# SPDX-License-Identifier: MIT
"""NAMESPACE: everything here is the client's own, below no prefix (RFC 2342 §5)."""

from __future__ import annotations

from dataclasses import dataclass

from homemail.imap.extension import Extension
from homemail.imap.response import Tagged, ok
from homemail.imap.session import Session


@dataclass(frozen=True, slots=True)
class Namespace:
    """NAMESPACE."""


async def _namespace(session: Session, command: Namespace) -> Tagged:
    session.send(b'* NAMESPACE (("" "/")) NIL NIL\r\n')
    return ok("Namespaces told")


NAMESPACE = Extension(
    capability=b"NAMESPACE",
    grammar={b"NAMESPACE": lambda scanner: Namespace()},
    handlers={Namespace: _namespace},
)
