# SPDX-License-Identifier: MIT
"""Names of files in a Maildir (``docs/formats/maildir.md``).

``SECONDS.M<microseconds>P<pid>Q<n>.HOST,S=<octets>,W=<octets with CRLF>,I=<mailboxid>.<uid>`` and,
in ``cur``, ``:2,FLAGS``. ``SECONDS`` are those of the save date.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

from homemail.model.mailbox import MailboxId

LARGEST_UID = 2**32 - 2

_OURS = re.compile(
    r"(\d{1,15})\.M\d+P\d+Q\d+\.[^,:/]+"
    r",S=(\d{1,15}),W=(\d{1,15}),I=([0-9a-zA-Z]+)\.([1-9]\d{0,9})",
    re.ASCII,
)


class OurName(NamedTuple):
    """What a file name of ours says."""

    saved: int
    size: int
    wire_size: int
    mailbox_id: MailboxId
    uid: int


def compose(unique: str, size: int, wire_size: int, mailbox_id: MailboxId, uid: int) -> str:
    """Return the name, without directory and flags; ``unique`` is ``SECONDS.M…P…Q….HOST``."""
    return f"{unique},S={size},W={wire_size},I={mailbox_id}.{uid}"


def parse(base: str) -> OurName | None:
    """Return what a name (without directory and flags) says, or None where it is not ours."""
    found = _OURS.fullmatch(base)
    if found is None:
        return None
    saved, size, wire, box, uid = found.groups()
    if int(uid) > LARGEST_UID:
        return None
    return OurName(int(saved), int(size), int(wire), MailboxId(box), int(uid))


def highest_uid(bases: Iterable[str], mailbox_id: MailboxId) -> int:
    """Return the highest UID that one of these names claims in a mailbox; 0 if none does."""
    mark, highest = f",I={mailbox_id}.", 0
    for base in bases:
        _, found, text = base.rpartition(mark)
        if found and len(text) <= 10 and text.isascii() and text.isdigit():
            uid = int(text)
            if highest < uid <= LARGEST_UID:
                highest = uid
    return highest


def base_of(path: str) -> str:
    """Return the name in ``cur/name:2,FLAGS`` without directory and flags."""
    return path[4:].partition(":")[0]


def letters_in(path: str) -> str:
    """Return FLAGS of ``cur/name:2,FLAGS``; nothing where there are none.

    In ``new`` there should be none, but Python's own ``mailbox`` puts some there.
    """
    info = path.partition(":")[2]
    return info[2:] if info.startswith("2,") else ""


def key_of(base: str) -> str:
    """Return the part of a foreign file's name that never changes: up to the first ``,``."""
    return base.partition(",")[0]


def host_part(hostname: str) -> str:
    """Return a host's name as it may stand in a file name."""
    return hostname.replace("/", "\\057").replace(":", "\\072").replace(",", "\\054") or "localhost"
