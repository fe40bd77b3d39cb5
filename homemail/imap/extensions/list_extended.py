# SPDX-License-Identifier: MIT
"""LIST-EXTENDED, and LIST-STATUS, which is one of its return options.

Source: RFC 5258 §3, RFC 5819 §2, RFC 6154 §2.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from homemail.errors import NoSuchMailbox
from homemail.imap.commands.listing import List, attributes, row
from homemail.imap.commands.status import check_items, status_line
from homemail.imap.extension import Extension
from homemail.imap.grammar import Scanner, SyntaxTrouble
from homemail.imap.patterns import Pattern, parents
from homemail.imap.response import Tagged, ok
from homemail.imap.session import Session
from homemail.model.mailbox import MailboxName
from homemail.store.api import MailboxInfo

SELECTION = (b"SUBSCRIBED", b"REMOTE", b"RECURSIVEMATCH", b"SPECIAL-USE")
RETURN = (b"SUBSCRIBED", b"CHILDREN", b"SPECIAL-USE")
MOST_PATTERNS = 100


@dataclass(frozen=True, slots=True)
class ExtendedList:
    """LIST with selection options, several patterns or return options."""

    selection: frozenset[bytes]
    reference: str
    patterns: tuple[str, ...]
    returned: frozenset[bytes]
    status: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class _Name:
    """A name that may be listed: ``info`` is None where only a subscription has it."""

    text: str
    info: MailboxInfo | None
    subscribed: bool
    has_subscribed_below: bool


async def _list(session: Session, command: ExtendedList) -> Tagged:
    check_items(session, command.status)
    patterns = [Pattern(command.reference + pattern) for pattern in command.patterns]
    infos = {str(info.name): info for info in await session.mail.change(session.store.mailboxes)}
    subscribed = {str(name) for name in await session.mail.change(session.store.subscriptions)}
    for name in _names(infos, subscribed):
        if any(pattern.matches(name.text) for pattern in patterns) and _selected(name, command):
            session.send(_row(session, name, command))
            if command.status and name.info is not None and name.info.exists:
                await _send_status(session, name.info.name, command.status)
    return ok("Mailboxes listed")


def _names(infos: Mapping[str, MailboxInfo], subscribed: set[str]) -> list[_Name]:
    above = {name for below in subscribed for name in parents(below)}
    return [
        _Name(text, infos.get(text), text in subscribed, text in above)
        for text in sorted({*infos, *subscribed, *above})
    ]


def _selected(name: _Name, command: ExtendedList) -> bool:
    selection = command.selection
    if b"SPECIAL-USE" in selection and not (name.info and name.info.special_use):
        return False
    if b"SUBSCRIBED" in selection:
        recursive = b"RECURSIVEMATCH" in selection
        return name.subscribed or (recursive and name.has_subscribed_below)
    return name.info is not None


def _row(session: Session, name: _Name, command: ExtendedList) -> bytes:
    if name.info is not None:
        words = attributes(session, name.info)
    else:
        words = [b"\\NonExistent"]
    if name.subscribed and b"SUBSCRIBED" in command.selection | command.returned:
        words.append(b"\\Subscribed")
    line = row(session, b"LIST", words, name.text)
    if b"RECURSIVEMATCH" in command.selection and name.has_subscribed_below:
        line = line.removesuffix(b"\r\n") + b' ("CHILDINFO" ("SUBSCRIBED"))\r\n'
    return line


async def _send_status(session: Session, name: MailboxName, items: tuple[bytes, ...]) -> None:
    try:
        session.send(await status_line(session, name, items))
    except NoSuchMailbox:
        pass  # deleted meanwhile


def _parse(scanner: Scanner) -> List | ExtendedList:
    extended = scanner.peek(b" (")
    selection = _selection(scanner) if extended else frozenset()
    scanner.space()
    reference = scanner.mailbox_prefix()
    scanner.space()
    if scanner.peek(b"("):
        extended = True
        patterns = tuple(scanner.parenthesized(scanner.list_mailbox))
    else:
        patterns = (scanner.list_mailbox(),)
    if len(patterns) > MOST_PATTERNS:
        raise SyntaxTrouble("Too many patterns")
    if not extended and scanner.at_end():
        return List(reference, patterns[0])
    returned, status = _returned(scanner)
    return ExtendedList(selection, reference, patterns, returned, status)


def _selection(scanner: Scanner) -> frozenset[bytes]:
    scanner.space()
    words = frozenset(scanner.parenthesized(scanner.word, empty=True))
    if not words.issubset(SELECTION):
        raise SyntaxTrouble("Unknown selection option")
    if b"RECURSIVEMATCH" in words and b"SUBSCRIBED" not in words:
        raise SyntaxTrouble("RECURSIVEMATCH needs another selection option")
    return words


def _returned(scanner: Scanner) -> tuple[frozenset[bytes], tuple[bytes, ...]]:
    if not scanner.accept(b" RETURN "):
        return frozenset(), ()
    status: list[bytes] = []

    def option() -> bytes:
        word = scanner.word()
        if word == b"STATUS":
            scanner.space()
            status.extend(scanner.parenthesized(scanner.word))
        elif word not in RETURN:
            raise SyntaxTrouble("Unknown return option")
        return word

    return frozenset(scanner.parenthesized(option, empty=True)), tuple(dict.fromkeys(status))


LIST_EXTENDED = Extension(
    capability=b"LIST-EXTENDED", grammar={b"LIST": _parse}, handlers={ExtendedList: _list}
)
LIST_STATUS = Extension(capability=b"LIST-STATUS")
