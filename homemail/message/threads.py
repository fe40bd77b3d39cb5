# SPDX-License-Identifier: MIT
"""Messages gathered into threads, by subject or by what they refer to.

Nothing here recurses: a thread may be as deep as it has messages. What one message can cost is
bounded: of its references the last ``MOST_REFERENCES`` count, and a loop is looked for no further
than ``DEEPEST`` parents up; a link that would need more is not made.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

MOST_REFERENCES = 100
DEEPEST = 1000

_MESSAGE_ID = re.compile(rb'<([^<>\s"]+|"(?:[^"\\\r\n]|\\.)*"@[^<>\s]+)>')
_QUOTED_LOCAL = re.compile(rb'"((?:[^"\\]|\\.)*)"(@.*)', re.DOTALL)


@dataclass(frozen=True, slots=True)
class Entry:
    """A message: ``number`` is what it is called; ``subject`` is the base subject, folded.

    ``message_id`` is empty where it has none; ``date`` is in seconds.
    """

    number: int
    message_id: bytes
    references: tuple[bytes, ...]
    date: float
    subject: str
    is_reply: bool


class Node:
    """A place in a tree; without ``entry`` it stands for a message that is not here."""

    __slots__ = ("children", "entry", "parent")

    def __init__(self, entry: Entry | None = None) -> None:
        self.entry = entry
        self.parent: Node | None = None
        self.children: dict[Node, None] = {}

    def adopt(self, child: Node) -> None:
        """Make ``child`` a child of this one, and of nobody else."""
        if child.parent is not None:
            del child.parent.children[child]
        child.parent = self
        self.children[child] = None

    def descends_from(self, other: Node) -> bool:
        """Whether ``other`` is above, or cannot be told not to be."""
        if not other.children:
            return self is other
        node: Node | None = self
        for _ in range(DEEPEST):
            if node is None:
                return False
            if node is other:
                return True
            node = node.parent
        return True

    @property
    def first(self) -> Entry:
        """The message here, or the first one below."""
        node = self
        while node.entry is None:
            node = next(iter(node.children))
        return node.entry


def message_ids(body: bytes) -> list[bytes]:
    """Return the message ids in a field's body, without quotes that are not needed.

    Source: RFC 5256 §3.
    """
    return [_normalized(found) for found in _MESSAGE_ID.findall(body)]


def _normalized(message_id: bytes) -> bytes:
    quoted = _QUOTED_LOCAL.fullmatch(message_id)
    return re.sub(rb"\\(.)", rb"\1", quoted[1]) + quoted[2] if quoted else message_id


def by_subject(entries: Iterable[Entry]) -> list[Node]:
    """Return threads of messages with the same subject: the first, and the others below it.

    Source: RFC 5256 §3 (ORDEREDSUBJECT).
    """
    roots: dict[str, Node] = {}
    for entry in sorted(entries, key=_by_date):
        node = Node(entry)
        root = roots.setdefault(entry.subject, node)
        if root is not node:
            root.adopt(node)
    return list(roots.values())  # in order of their first messages' dates


def by_references(entries: Sequence[Entry]) -> list[Node]:
    """Return threads of messages that answer each other.

    Source: RFC 5256 §3 (REFERENCES).
    """
    roots = [node for node in _linked(entries) if node.parent is None]
    roots = _gathered(sorted(_pruned(roots), key=_date))
    for node in reversed(list(_every(roots))):
        if len(node.children) > 1:
            node.children = dict.fromkeys(sorted(node.children, key=_date))
    return sorted(roots, key=_date)


def _by_date(entry: Entry) -> tuple[float, int]:
    return entry.date, entry.number


def _date(node: Node) -> tuple[float, int]:
    """Return what a node is sorted by; for a dummy that of its earliest child."""
    if node.entry is not None:
        return _by_date(node.entry)
    return min(_by_date(child.first) for child in node.children)


def _linked(entries: Sequence[Entry]) -> list[Node]:
    """Link every message to what it refers to (step 1)."""
    by_id: dict[bytes, Node] = {}
    extra: list[Node] = []
    own: list[Node] = []
    for entry in entries:
        node = by_id.setdefault(entry.message_id, Node()) if entry.message_id else Node()
        if node.entry is not None:  # the id of another message
            node = Node()
        node.entry = entry
        own.append(node)
        if by_id.get(entry.message_id) is not node:
            extra.append(node)
    for entry, node in zip(entries, own, strict=True):
        last: Node | None = None
        for reference in entry.references[-MOST_REFERENCES:]:
            here = by_id.setdefault(reference, Node())
            if last is not None and here.parent is None and not last.descends_from(here):
                last.adopt(here)
            last = here
        if node.parent is not None:
            del node.parent.children[node]
            node.parent = None
        if last is not None and not last.descends_from(node):
            last.adopt(node)
    return [*by_id.values(), *extra]


def _every(roots: Iterable[Node]) -> Iterator[Node]:
    """Yield all nodes, each before its children."""
    stack = list(roots)
    while stack:
        node = stack.pop()
        yield node
        stack.extend(node.children)


def _pruned(roots: Sequence[Node]) -> list[Node]:
    """Take out who is not here: below another one, or with one child or none (step 3)."""
    for node in reversed(list(_every(roots))):
        kept: dict[Node, None] = {}
        for child in node.children:
            kept.update(dict.fromkeys([child] if child.entry is not None else child.children))
        node.children = kept
    result: list[Node] = []
    for root in roots:
        if root.entry is None and len(root.children) < 2:
            result.extend(root.children)
        else:
            result.append(root)
    return result


def _gathered(roots: Sequence[Node]) -> list[Node]:
    """Put threads with the same subject together (step 5)."""
    table: dict[str, Node] = {}
    for root in roots:
        subject = root.first.subject
        there = table.get(subject)
        if subject and (there is None or _is_better(root, there)):
            table[subject] = root
    result = dict.fromkeys(roots)
    for root in roots:
        there = table.get(root.first.subject)
        if there is None or there is root:
            continue
        del result[root]
        if there.entry is None:
            there.children.update(root.children if root.entry is None else {root: None})
        elif _is_reply(root) and not _is_reply(there):
            there.children[root] = None
        else:
            both = Node()
            both.children = {there: None, root: None}
            del result[there]
            result[both] = None
            table[root.first.subject] = both
    return list(result)


def _is_better(node: Node, there: Node) -> bool:
    if there.entry is None:
        return False
    return node.entry is None or (_is_reply(there) and not _is_reply(node))


def _is_reply(node: Node) -> bool:
    return node.entry is not None and node.entry.is_reply
