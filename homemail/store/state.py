# SPDX-License-Identifier: MIT
"""The state file of a mailbox: what names of files cannot say (``docs/formats/state.md``).

Invariants: every change is a line added and synced before anybody hears of what it allows; of two
lines for the same thing the later one counts; lines that are not known are carried along. A UID or
mod-sequence is used only when the limit on disk is at or above it; opening goes on above the limit.
"""

from __future__ import annotations

import os
import re
import urllib.parse
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from homemail import durable
from homemail.errors import Temporary
from homemail.log import Log
from homemail.model.mailbox import Flag, MailboxId, UidValidity
from homemail.store.keywords import LETTERS

STATE_FILE = "homemail-state"
UID_BLOCK = 1000
MOD_SEQ_BLOCK = 10_000

_FIRST_LINE = "homemail-state 1"
_MANY_LINES = 200  # that no longer count
_PLAIN = re.compile(r"[!-$&-\[\]-~]+")
_SAFE = "".join(chr(code) for code in range(33, 127) if chr(code) not in "%\\")

log = Log("store")


@dataclass(frozen=True, slots=True)
class ForeignFile:
    """The UID that a file of another program has here, and when it was first seen (seconds)."""

    uid: int
    saved: int


@dataclass(slots=True)
class State:
    """What a state file says. ``foreign`` is keyed by ``maildir_name.key_of``."""

    mailbox_id: MailboxId
    uid_validity: UidValidity
    uid_limit: int = 0
    mod_seq_limit: int = 0
    keywords: dict[str, Flag] = field(default_factory=dict)
    special_use: frozenset[str] = frozenset()
    foreign: dict[str, ForeignFile] = field(default_factory=dict)
    unknown: list[str] = field(default_factory=list)
    damaged: bool = False

    def encode(self) -> bytes:
        """Return the whole file."""
        lines = [_FIRST_LINE, f"mailbox-id {self.mailbox_id}", f"uid-validity {self.uid_validity}"]
        lines += limit_lines(self.uid_limit, self.mod_seq_limit)
        lines += [keyword_line(letter, word) for letter, word in self.keywords.items()]
        lines += [special_use_line(self.special_use)] if self.special_use else []
        lines += [foreign_line(key, file) for key, file in self.foreign.items()]
        return ("\n".join(lines + self.unknown) + "\n").encode("utf-8", "surrogateescape")


def limit_lines(uid_limit: int, mod_seq_limit: int) -> list[str]:
    """Return the lines that reserve UIDs and mod-sequences."""
    return [f"uid-limit {uid_limit}", f"mod-seq-limit {mod_seq_limit}"]


def keyword_line(letter: str, word: Flag) -> str:
    """Return the line that gives a letter its keyword."""
    return f"keyword {letter} {word}"


def special_use_line(attributes: frozenset[str]) -> str:
    """Return the line for RFC 6154's attributes."""
    return " ".join(["special-use", *sorted(attributes)])


def foreign_line(key: str, file: ForeignFile) -> str:
    """Return the line that gives a foreign file its UID."""
    quoted = key
    if not _PLAIN.fullmatch(key):
        quoted = urllib.parse.quote_from_bytes(os.fsencode(key), safe=_SAFE)
    return f"foreign {file.uid} {file.saved} {quoted}"


def decode(data: bytes) -> State | None:
    """Return what a state file says; None where it lacks what nothing works without.

    Raises:
        Temporary: a later version wrote it.
    """
    text = data.decode("utf-8", "surrogateescape")
    whole, _, torn = text.rpartition("\n")
    lines = whole.split("\n")
    if lines[0] != _FIRST_LINE:
        if lines[0].startswith("homemail-state "):
            raise Temporary("A mailbox was written by a later version of this program")
        return None
    state = State(MailboxId(""), UidValidity(0), damaged=bool(torn))
    for line in lines[1:]:
        word, _, rest = line.partition(" ")
        try:
            _take(state, word, rest, line)
        except ValueError:
            state.damaged = True
    return state if state.mailbox_id and state.uid_validity else None


def _take(state: State, word: str, rest: str, line: str) -> None:
    """Take over one line; raises ``ValueError`` where it is not what it should be."""
    match word:
        case "mailbox-id" if rest.isalnum() and rest.isascii():
            state.mailbox_id = MailboxId(rest)
        case "uid-validity":
            state.uid_validity = UidValidity(_number(rest))
        case "uid-limit":
            state.uid_limit = _number(rest)
        case "mod-seq-limit":
            state.mod_seq_limit = _number(rest)
        case "keyword" if rest[:1] in LETTERS and rest[1:2] == " " and rest[2:]:
            state.keywords[rest[0]] = Flag(rest[2:])
        case "special-use":
            state.special_use = frozenset(rest.split())
        case "foreign":
            uid, saved, key = rest.split(" ")
            name = os.fsdecode(urllib.parse.unquote_to_bytes(key))
            state.foreign[name] = ForeignFile(_number(uid), _number(saved))
        case "":  # it ended a part of a line (see maildir_box)
            pass
        case "mailbox-id" | "keyword":
            raise ValueError("not a line of a state file")
        case _:
            state.unknown.append(line)


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 20):
        raise ValueError("not a number")
    return int(text)


def read_state(directory: Path) -> State | None:
    """Return the state of the mailbox in ``directory``; None where there is none to use.

    What was lost at the end of the file (a crash while a line was added) is cut off, durably.

    Raises:
        Temporary: it cannot be read, or a later version wrote it.
    """
    path = directory / STATE_FILE
    data = _octets(path)
    if data is None:
        return None
    state = decode(data)
    if state is None:
        log.warning("state file of a mailbox cannot be read", file=path)
    elif state.damaged:
        log.warning("state file of a mailbox had damaged lines", file=path)
        write_state(directory, state)
    elif data.count(b"\n") > state.encode().count(b"\n") + _MANY_LINES:
        write_state(directory, state)
    return state


def peek(directory: Path) -> State | None:
    """Return the state of a mailbox that is not loaded, if it can be read; mend nothing."""
    try:
        data = _octets(directory / STATE_FILE)
        return decode(data) if data is not None else None
    except Temporary:
        return None


def _octets(path: Path) -> bytes | None:
    with durable.doing("reading the state of a mailbox"):
        try:
            fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except FileNotFoundError:
            return None
        with os.fdopen(fd, "rb") as file:
            return file.read()


def write_state(directory: Path, state: State) -> None:
    """Replace the state file."""
    durable.write_atomic(directory / STATE_FILE, state.encode())
    state.damaged = False


def add_lines(directory: Path, lines: Iterable[str]) -> None:
    """Add lines to the state file, durably."""
    text = "".join(f"{line}\n" for line in lines)
    durable.append(directory / STATE_FILE, text.encode("utf-8", "surrogateescape"))
