# SPDX-License-Identifier: MIT
r"""What makes a forwarding file for ``user+ext`` a mailing list, and who is on it. No IO.

It is one if its first line begins with ``# list``, if it has an ``:include:``, or if it names
several addresses; ``\name``, the owner's own mailbox, is none of them. Comments before the first
target say more::

    # list: The football club      the list's name for people
    # subscribe                    people may join and leave by mail to user+ext-request
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from homemail.mda.forward import Include, ToAddress, items, parse_forward
from homemail.model.address import Address, account_id

_TITLE = re.compile(r"#\s*list\b[:\s]*(.*)", re.IGNORECASE)
_SUBSCRIBE = re.compile(r"#\s*subscribe\s*", re.IGNORECASE)
_LONGEST_TITLE = 100


@dataclass(frozen=True, slots=True)
class ListFacts:
    """A list. ``title`` may be empty; ``is_open``: people may join and leave by themselves."""

    title: str
    is_open: bool


def read_list(text: str, domain: str) -> ListFacts | None:
    """Return what a forwarding file says of its list; None where it is an ordinary one."""
    title, is_open, marked = "", False, False
    for number, line in enumerate(text.splitlines()):
        if not line.lstrip().startswith("#"):
            if line.strip():
                break
            continue
        if found := _TITLE.fullmatch(line.strip()):
            marked = marked or number == 0
            title = found[1].strip()[:_LONGEST_TITLE]
        elif _SUBSCRIBE.fullmatch(line.strip()):
            is_open = True
    if not marked and not _looks_like_a_list(text, domain):
        return None
    return ListFacts(title if title.isprintable() else "", is_open)


def _looks_like_a_list(text: str, domain: str) -> bool:
    targets = parse_forward(text, domain)
    addresses = {str(target.address).lower() for target in targets if isinstance(target, ToAddress)}
    own = {
        item.lstrip("\\") for line in text.splitlines() for item in items(line) if item[:1] == "\\"
    }
    own = {str(account_id(name if "@" in name else f"{name}@{domain}")) for name in own}
    return any(isinstance(target, Include) for target in targets) or len(addresses - own) > 1


def members(text: str, domain: str) -> frozenset[str]:
    """Return the addresses that a file names, in lower case."""
    targets = parse_forward(text, domain)
    return frozenset(
        str(target.address).lower() for target in targets if isinstance(target, ToAddress)
    )


def with_member(text: str, address: Address) -> str:
    """Return the file with one more address, on a line of its own."""
    return f"{text}{'' if not text or text.endswith(chr(10)) else chr(10)}{address}\n"


def without_member(text: str, address: Address, domain: str) -> str:
    """Return the file without an address; everything else stays as it is."""
    gone = str(address).lower()
    lines = []
    for line in text.splitlines(keepends=True):
        if line.lstrip().startswith("#") or gone not in members(line, domain):
            lines.append(line)
            continue
        kept = [
            item
            for item in items(line.rstrip("\r\n"))
            if item and gone not in members(item, domain)
        ]
        if kept:
            lines.append(", ".join(kept) + "\n")
    return "".join(lines)
