# SPDX-License-Identifier: MIT
r"""CREATE-SPECIAL-USE: CREATE name (USE (\Sent)) (RFC 6154 §3)."""

from __future__ import annotations

from homemail.imap.commands.mailboxes import Create, parse_create
from homemail.imap.extension import Extension
from homemail.imap.grammar import Scanner
from homemail.imap.response import Refusal, no

USES = ("\\Archive", "\\Drafts", "\\Flagged", "\\Junk", "\\Sent", "\\Trash")
r"""Those that a mailbox can have here; ``\All`` would need one that shows the others' mail."""


def _parse(scanner: Scanner) -> Create:
    created = parse_create(scanner)
    if not scanner.accept(b" (USE "):
        return created
    wanted = {flag.casefold() for flag in scanner.flags()}
    scanner.expect(b")")
    uses = frozenset(use for use in USES if use.casefold() in wanted)
    if len(uses) < len(wanted):
        raise Refusal(no("No mailbox can have this use here", b"USEATTR"))
    return Create(created.name, uses)


CREATE_SPECIAL_USE = Extension(capability=b"CREATE-SPECIAL-USE", grammar={b"CREATE": _parse})
