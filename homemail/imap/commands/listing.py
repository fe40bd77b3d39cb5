# SPDX-License-Identifier: MIT
"""LIST and LSUB.

Source: RFC 3501 §6.3.8, RFC 3501 §6.3.9, RFC 3348 §3, RFC 6154 §2.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from homemail.imap.extension import Extension
from homemail.imap.grammar import Scanner
from homemail.imap.patterns import Pattern, parents
from homemail.imap.response import Tagged, ok
from homemail.imap.session import Session
from homemail.store.api import MailboxInfo


@dataclass(frozen=True, slots=True)
class List:
    """LIST."""

    reference: str
    pattern: str


@dataclass(frozen=True, slots=True)
class Lsub:
    """LSUB."""

    reference: str
    pattern: str


async def _list_mailboxes(session: Session, command: List) -> Tagged:
    if not command.pattern:
        session.send(row(session, b"LIST", [b"\\Noselect"], ""))
        return ok("Delimiter told")
    pattern = Pattern(command.reference + command.pattern)
    found = await session.mail.change(session.store.mailboxes)
    session.send(
        *(
            row(session, b"LIST", attributes(session, info), str(info.name))
            for info in found
            if pattern.matches(str(info.name))
        )
    )
    return ok("Mailboxes listed")


def attributes(session: Session, info: MailboxInfo) -> list[bytes]:
    """Return the attributes that every LIST tells."""
    missing = b"\\NonExistent" if session.is_rev2 else b"\\Noselect"
    words = [] if info.exists else [missing]
    words.append(b"\\HasChildren" if info.has_children else b"\\HasNoChildren")
    return words + sorted(use.encode("ascii") for use in info.special_use)


def row(session: Session, kind: bytes, words: Iterable[bytes], name: str) -> bytes:
    """Return one LIST or LSUB response."""
    return b'* %b (%b) "/" %b\r\n' % (kind, b" ".join(words), session.mailbox(name))


async def _lsub(session: Session, command: Lsub) -> Tagged:
    pattern = Pattern(command.reference + command.pattern)
    names = {str(name) for name in await session.mail.change(session.store.subscriptions)}
    rows: dict[str, list[bytes]] = {name: [] for name in names if pattern.matches(name)}
    if command.pattern.endswith("%"):
        # "foo" is told where only "foo/bar" is subscribed (RFC 3501 §6.3.9).
        above = {above for name in names for above in parents(name) if pattern.matches(above)}
        rows = {name: [b"\\Noselect"] for name in above - names} | rows
    session.send(*(row(session, b"LSUB", rows[name], name) for name in sorted(rows)))
    return ok("Subscriptions listed")


def _parse_list(scanner: Scanner) -> List:
    scanner.space()
    reference = scanner.mailbox_prefix()
    scanner.space()
    return List(reference, scanner.list_mailbox())


def _parse_lsub(scanner: Scanner) -> Lsub:
    parsed = _parse_list(scanner)
    return Lsub(parsed.reference, parsed.pattern)


LISTING = Extension(
    grammar={b"LIST": _parse_list, b"LSUB": _parse_lsub},
    handlers={List: _list_mailboxes, Lsub: _lsub},
)
