# SPDX-License-Identifier: MIT
r"""What a ``.forward`` or ``:include:`` file says. No IO.

The grammar is that of the right side of an aliases file: targets parted by commas and line ends,
``#`` at the start of a line begins a comment, double quotes hold a target together::

    alice@example.org, bob
    \alice                     the same as alice; an owner's own name is his mailbox
    "|/usr/bin/procmail -t"     a program; without quotes it reaches to the next comma;
                               |"/usr/bin/procmail -t" is the same
    /home/alice/copy            a file (mbox); ~/ is the home
    /home/alice/Copy/           a Maildir
    :include:/home/alice/list   more of the same
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from homemail.message.address_list import parse_addresses
from homemail.model.address import Address

MOST_TARGETS = 1000
"""A longer list is the work of a list server."""


@dataclass(frozen=True, slots=True)
class ToAddress:
    """Send the message on."""

    address: Address


@dataclass(frozen=True, slots=True)
class ToCommand:
    """Run a program with the message at its standard input."""

    command: str


@dataclass(frozen=True, slots=True)
class ToFile:
    """Append to a file, or deliver into a directory where ``path`` ends in ``/``."""

    path: str


@dataclass(frozen=True, slots=True)
class Include:
    """Go on with the targets in another file."""

    path: str


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A target that means nothing; ``text`` is for the log."""

    line: int
    text: str


Target = ToAddress | ToCommand | ToFile | Include | Unreadable

_PIECE = re.compile(r'"(?:[^"\\]|\\.)*+"?|\((?:[^()\\]|\\.)*+\)|\\.|[^",(\\]|[,(\\]', re.DOTALL)
_WHOLE_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*+)"', re.DOTALL)


def parse_forward(text: str, domain: str, most: int = MOST_TARGETS) -> tuple[Target, ...]:
    """Return the targets in ``text``; a name without a domain is one of ``domain``."""
    found: list[Target] = []
    for number, line in enumerate(text.split("\n"), 1):
        if line.lstrip().startswith("#"):
            continue
        for item in items(line.rstrip("\r")):
            found += _targets(item, number, domain)
            if len(found) > most:
                return (*found[:most], Unreadable(number, "more targets than are allowed"))
    return tuple(found)


def items(line: str) -> Iterator[str]:
    """Yield what stands between the commas of a line that are outside of quotes and comments."""
    item = ""
    for piece in _PIECE.findall(line):
        if piece == ",":
            yield item.strip()
            item = ""
        else:
            item += piece
    yield item.strip()


def _targets(item: str, line: int, domain: str) -> Iterator[Target]:
    plain = _unquoted(item)
    if not plain:
        return
    if "\0" in plain:
        yield Unreadable(line, "a NUL")
    elif plain.startswith("|"):
        command = plain[1:].strip()
        if plain == item:
            command = _unquoted(command)
        yield ToCommand(command) if command else Unreadable(line, "no program")
    elif plain.lower().startswith(":include:"):
        yield Include(plain[9:].strip())
    elif plain.startswith(("/", "~/")) and "@" not in plain:
        yield ToFile(plain)
    elif item.startswith("\\") and len(item) > 1:
        yield from _addresses(item[1:], line, domain)
    else:
        yield from _addresses(item, line, domain)


def _unquoted(text: str) -> str:
    """Return what is in the quotes where ``text`` is one quoted string, else ``text``."""
    quoted = _WHOLE_QUOTED.fullmatch(text)
    return re.sub(r"\\(.)", r"\1", quoted[1]) if quoted else text


def _addresses(item: str, line: int, domain: str) -> Iterator[Target]:
    entries = parse_addresses(item.encode("utf-8", "surrogateescape"))
    mailboxes = [entry for entry in entries if entry.host is not None]
    if not mailboxes:
        yield Unreadable(line, f"{item}: no address")
    for entry in mailboxes:
        try:
            local = (entry.mailbox or b"").decode()
            host = (entry.host or b"").decode() or domain
            yield ToAddress(Address.parse(f"{_quoted(local)}@{host}"))
        except ValueError as error:
            yield Unreadable(line, f"{item}: {error}")


def _quoted(local_part: str) -> str:
    if re.fullmatch(r'[^\s"\\@<>(),:;]+', local_part):
        return local_part
    return '"' + re.sub(r'(["\\])', r"\\\1", local_part) + '"'
