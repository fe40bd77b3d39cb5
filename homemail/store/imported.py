# SPDX-License-Identifier: MIT
"""UIDs and keywords that Dovecot or Courier gave to the messages of a Maildir.

Read once, when a mailbox has no state of ours: who moves over downloads nothing again.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from homemail.log import Log
from homemail.model.mailbox import Flag, UidValidity
from homemail.store.keywords import LETTERS
from homemail.store.maildir_name import LARGEST_UID

_LONGEST = 64 << 20  # octets of a file that is read
_HEADER = re.compile(
    rb"3 (?:[^V ]\S* )*V(\d{1,10}) (?:[^N ]\S* )*N(\d{1,10})(?: .*)?|1 (\d{1,10}) (\d{1,10})"
)
_LINE = re.compile(rb"(\d{1,10}) (?:[A-Za-z][^ :]* )*:?([^:/\n]+)(?::.*)?")
_DOVECOT_POP3 = re.compile(
    rb"\d{1,10} (?:[A-OQ-Za-z][^ :]* )*P([!-~]+) (?:[A-Za-z][^ :]* )*:([^:/\n]+)(?::.*)?"
)
_COURIER_POP3 = re.compile(rb"([^ :/]+)(?::[^ ]*)? \d{1,19} (\d{1,10}):([1-9]\d{0,9})")

log = Log("store")


@dataclass(frozen=True, slots=True)
class Imported:
    """What another server knew of a mailbox; ``uids`` by file name up to the ``:``."""

    uid_validity: UidValidity
    uid_next: int
    uids: dict[str, int]


def read_uids(directory: Path) -> Imported | None:
    """Return what ``dovecot-uidlist`` or ``courierimapuiddb`` says; None where neither does."""
    for file in ("dovecot-uidlist", "courierimapuiddb"):
        found = parse_uids(_read(directory / file))
        if found is not None:
            log.info("UIDs of another server are kept", file=directory / file, many=len(found.uids))
            return found
    return None


def parse_uids(data: bytes) -> Imported | None:
    """Return what such a file says.

    Versions 1 (both servers) and 3 (Dovecot) are known. A UID that comes twice, or is not below
    the next one, is passed over.
    """
    lines = data.split(b"\n")
    head = _HEADER.fullmatch(lines[0])
    if head is None:
        return None
    validity, uid_next = int(head[1] or head[3]), int(head[2] or head[4])
    if not 0 < validity < 2**32 or not 0 < uid_next <= LARGEST_UID:
        return None
    uids: dict[str, int] = {}
    known: set[int] = set()
    for name, uid in _entries(lines[1:]):
        if 0 < uid < uid_next and uid not in known and name not in uids:
            uids[name] = uid
            known.add(uid)
    return Imported(UidValidity(validity), uid_next, uids)


def read_unique_ids(directory: Path) -> dict[str, str]:
    """Return the POP3 unique-ids that another server wrote down, by file name up to the ``:``.

    Dovecot does so (a field ``P`` in ``dovecot-uidlist``) for mail that it has itself from another
    server, else it makes them of UIDs; Courier in ``courierpop3dsizelist``.
    """
    ids = {
        os.fsdecode(found[2]): os.fsdecode(found[1])
        for line in _read(directory / "dovecot-uidlist").split(b"\n")
        if (found := _DOVECOT_POP3.fullmatch(line))
    }
    head, *lines = _read(directory / "courierpop3dsizelist").split(b"\n")
    if head.startswith(b"/2 "):
        for line in lines:
            if found := _COURIER_POP3.fullmatch(line):
                ids.setdefault(os.fsdecode(found[1]), f"UID{int(found[2])}-{int(found[3])}")
    return ids


def _entries(lines: list[bytes]) -> Iterator[tuple[str, int]]:
    for line in lines:
        found = _LINE.fullmatch(line)
        if found:
            yield os.fsdecode(found[2]), int(found[1])


def read_keywords(directory: Path) -> dict[str, Flag]:
    """Return the keywords of ``dovecot-keywords`` by letter (line ``0 $Junk`` is letter a)."""
    keywords: dict[str, Flag] = {}
    for line in _read(directory / "dovecot-keywords").decode("utf-8", "replace").split("\n"):
        number, _, word = line.partition(" ")
        is_letter = number.isascii() and number.isdigit() and int(number) < len(LETTERS)
        if is_letter and word and word.isprintable() and " " not in word:
            keywords[LETTERS[int(number)]] = Flag(word)
    return keywords


def _read(path: Path) -> bytes:
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return b""
    with os.fdopen(fd, "rb") as file:
        return file.read(_LONGEST)
