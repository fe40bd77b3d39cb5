# SPDX-License-Identifier: MIT
"""Names of mailboxes on disk (Maildir++), and the rules that every kind of store shares.

``Work/Bills`` is the directory ``.Work.Bills`` in the Maildir that is INBOX, each part in modified
UTF-7, with ``.`` and ``/`` inside a part as ``&AC4-`` and ``&AC8-``.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable

from homemail.errors import BadMailboxName
from homemail.model.mailbox import MailboxName
from homemail.store import utf7

LONGEST = 255  # octets in a name, on every file system in use

_BAD = frozenset({"Cc", "Cs"})


def directory_name(name: MailboxName) -> str:
    """Return the directory of a mailbox, relative to INBOX's; INBOX's own is empty.

    Raises:
        BadMailboxName: the name cannot be kept.
    """
    if name.is_inbox:
        return ""
    parts = name.parts
    if not all(parts) or parts[0].upper() == "INBOX" != parts[0]:
        raise BadMailboxName("That cannot be the name of a mailbox")
    for part in parts:
        if part in (".", "..") or any(unicodedata.category(letter) in _BAD for letter in part):
            raise BadMailboxName("That cannot be the name of a mailbox")
    text = "".join("." + utf7.encode(part, also="./") for part in parts)
    if len(text) > LONGEST:
        raise BadMailboxName("The name of the mailbox is too long")
    return text


def mailbox_name(directory: str) -> MailboxName | None:
    """Return the mailbox whose directory this is, or None where it is none.

    What ``directory_name`` would write otherwise is none: a mailbox is reached by one name only.
    """
    if not directory.startswith(".") or directory.strip(".") == "":
        return None
    try:
        name = MailboxName(tuple(utf7.decode(part) for part in directory[1:].split(".")))
        return name if not name.is_inbox and directory_name(name) == directory else None
    except (ValueError, BadMailboxName):
        return None


def with_parents(names: Iterable[MailboxName]) -> set[MailboxName]:
    """Return ``names`` and every name above one of them."""
    found: set[MailboxName] = set()
    for name in names:
        at: MailboxName | None = name
        while at is not None and at not in found:
            found.add(at)
            at = at.parent
    return found


def below(name: MailboxName, names: Iterable[MailboxName]) -> list[MailboxName]:
    """Return those of ``names`` that are children of ``name``, at any depth."""
    depth = len(name.parts)
    return [
        other for other in names if len(other.parts) > depth and other.parts[:depth] == name.parts
    ]
