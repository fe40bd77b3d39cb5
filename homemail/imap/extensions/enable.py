# SPDX-License-Identifier: MIT
"""ENABLE: the client says what it understands (RFC 5161 §3.1)."""

from __future__ import annotations

from dataclasses import dataclass

from homemail.imap.extension import Extension
from homemail.imap.grammar import Scanner
from homemail.imap.response import Tagged, ok
from homemail.imap.session import Session


@dataclass(frozen=True, slots=True)
class Enable:
    """ENABLE."""

    words: tuple[bytes, ...]


async def _enable(session: Session, command: Enable) -> Tagged:
    known = session.vocabulary.enable
    wanted = dict.fromkeys(known[word] for word in command.words if word in known)
    new = [word for word in wanted if word not in session.enabled]
    session.enable(new)
    session.send(b"* ENABLED%b\r\n" % b"".join(b" " + word for word in new))
    return ok("Enabled")


def _parse(scanner: Scanner) -> Enable:
    scanner.space()
    words = [scanner.word()]
    while scanner.accept(b" "):
        words.append(scanner.word())
    return Enable(tuple(words))


ENABLE = Extension(
    capability=b"ENABLE",
    before_login=True,
    grammar={b"ENABLE": _parse},
    handlers={Enable: _enable},
)
