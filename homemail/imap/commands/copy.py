# SPDX-License-Identifier: MIT
"""COPY and UID COPY (RFC 3501 §6.4.7), with COPYUID (RFC 4315 §3)."""

from __future__ import annotations

from dataclasses import dataclass

from homemail.errors import NoSuchMailbox
from homemail.imap import response
from homemail.imap.extension import Extension
from homemail.imap.grammar import Scanner
from homemail.imap.response import Tagged, no, ok
from homemail.imap.selected import Selected
from homemail.imap.session import Session, selected
from homemail.model.mailbox import Copied, MailboxName, SequenceSet


@dataclass(frozen=True, slots=True)
class Copy:
    """COPY."""

    numbers: SequenceSet
    by_uid: bool
    target: MailboxName


async def _copy(session: Session, view: Selected, command: Copy) -> Tagged:
    uids = [uid for _, uid in view.pairs(command.numbers, by_uid=command.by_uid)]
    if not uids:
        return ok("Nothing to copy")
    try:
        copied = await session.mail.change(view.mailbox.copy, uids, command.target)
    except NoSuchMailbox as error:
        return no(error.text, b"TRYCREATE")
    return ok("Messages copied", copy_uid(copied))


def copy_uid(copied: Copied) -> bytes:
    """Return the response code that says which UIDs the copies have; empty where there are none."""
    if not copied.pairs:
        return b""
    sources = response.number_set([source for source, _ in copied.pairs])
    targets = response.number_set([target for _, target in copied.pairs])
    return b"COPYUID %d %b %b" % (copied.uid_validity, sources, targets)


def parse_target(scanner: Scanner) -> tuple[SequenceSet, MailboxName]:
    """Read a sequence set and a mailbox."""
    scanner.space()
    numbers = scanner.sequence_set()
    scanner.space()
    return numbers, scanner.mailbox()


def _parse(scanner: Scanner, *, by_uid: bool = False) -> Copy:
    numbers, target = parse_target(scanner)
    return Copy(numbers, by_uid, target)


COPY = Extension(
    grammar={b"COPY": _parse, b"UID COPY": lambda scanner: _parse(scanner, by_uid=True)},
    handlers={Copy: selected(_copy)},
)
