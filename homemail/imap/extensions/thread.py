# SPDX-License-Identifier: MIT
"""THREAD and UID THREAD, by subject and by references (RFC 5256 §3)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from homemail.imap.commands.search import Search, find, parse_charset_search
from homemail.imap.extension import Extension
from homemail.imap.grammar import Scanner, SyntaxTrouble
from homemail.imap.response import Tagged, ok
from homemail.imap.selected import Selected
from homemail.imap.session import Session, selected
from homemail.imap.sort_keys import DATE, Fields, SortKey, folded, read_column
from homemail.message.subject import split_subject
from homemail.message.threads import Entry, Node, by_references, by_subject, message_ids
from homemail.model.mailbox import Uid

_ALGORITHMS: dict[bytes, Callable[[Sequence[Entry]], list[Node]]] = {
    b"ORDEREDSUBJECT": by_subject,
    b"REFERENCES": by_references,
}

_Ties = tuple[bytes, tuple[bytes, ...], str, bool]
"""Message id, references, base subject, whether it is a reply."""


@dataclass(frozen=True, slots=True)
class Thread:
    """THREAD."""

    algorithm: bytes
    search: Search


async def _thread(session: Session, view: Selected, command: Thread) -> Tagged:
    found = await find(session, view, command.search)
    numbers = found.numbers(command.search.by_uid)
    uids = [uid for _, uid in found.pairs]
    threads = await session.mail.read(_threads, view, uids, numbers, command.algorithm)
    session.send(b"* THREAD%b\r\n" % (b" " + threads if threads else b""))
    return ok("Messages threaded")


def _threads(
    view: Selected, uids: Sequence[Uid], numbers: Sequence[int], algorithm: bytes
) -> bytes:
    """Return the thread lists. Runs beside the owner's lane."""
    ties: list[_Ties] = read_column(view, uids, _TIES)
    dates: list[float] = read_column(view, uids, DATE)
    entries = [
        Entry(number, message_id, references, date, subject, is_reply)
        for number, date, (message_id, references, subject, is_reply) in zip(
            numbers, dates, ties, strict=True
        )
    ]
    return b"".join(written(_ALGORITHMS[algorithm](entries)))


def written(threads: Iterable[Node]) -> list[bytes]:
    """Return threads as the client reads them, in pieces."""
    pieces: list[bytes] = []
    stack: list[Node | bytes] = []
    _push(stack, threads)
    while stack:
        node: Node | bytes | None = stack.pop()
        while isinstance(node, Node):
            if node.entry is not None:
                pieces.append(b"%d" % node.entry.number)
                pieces.append(b" " if node.children else b"")
            below = node.children
            if len(below) == 1 and node.entry is not None:
                node = next(iter(below))
            else:
                _push(stack, below)
                node = None
        if node is not None:
            pieces.append(node)
    return pieces


def _push(stack: list[Node | bytes], nodes: Iterable[Node]) -> None:
    for node in reversed(list(nodes)):
        stack += (b")", node, b"(")


def _ties(fields: Fields) -> _Ties:
    """Return what ties a message to others (RFC 5256 §3, REFERENCES)."""
    own = _ids(fields, b"message-id")
    references = _ids(fields, b"references") or _ids(fields, b"in-reply-to")[:1]
    bodies = fields.get(b"subject")
    subject, is_reply = split_subject(bodies[0]) if bodies else ("", False)
    return own[0] if own else b"", tuple(references), folded(subject), is_reply


def _ids(fields: Fields, name: bytes) -> list[bytes]:
    bodies = fields.get(name)
    return message_ids(bodies[0]) if bodies else []


_TIES = SortKey("THREAD", (b"", (), "", False), _ties)


def _parse(scanner: Scanner, *, by_uid: bool = False) -> Thread:
    scanner.space()
    algorithm = scanner.word()
    if algorithm not in _ALGORITHMS:
        raise SyntaxTrouble("Unknown threading algorithm")
    return Thread(algorithm, parse_charset_search(scanner, by_uid=by_uid))


THREAD = Extension(
    capability=b"THREAD=ORDEREDSUBJECT THREAD=REFERENCES",
    grammar={b"THREAD": _parse, b"UID THREAD": lambda scanner: _parse(scanner, by_uid=True)},
    handlers={Thread: selected(_thread)},
)
