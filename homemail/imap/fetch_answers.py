# SPDX-License-Identifier: MIT
"""Composes the answers of FETCH. Runs beside the owner's lane, in slices.

A FETCH is compiled once: where every item is at hand, a message costs one ``%`` of a template.
A whole message goes from its file to the client in pieces; it is never in memory at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import assert_never

from homemail.imap.fetch_items import (
    BodyItem,
    FactItem,
    FlagsItem,
    FromIndex,
    Item,
    MessageItem,
    SectionItem,
    UidItem,
)
from homemail.imap.open_message import IN_MEMORY, OpenMessage
from homemail.imap.response import literal
from homemail.imap.selected import Selected
from homemail.message.header import select_fields
from homemail.message.section import Section, SectionText
from homemail.message.structure import body
from homemail.model.mailbox import Flags, MessageFacts, Uid
from homemail.model.message import MessageContent, chunks
from homemail.store.api import CachedParts, Mailbox, Wanted

BATCH = 500
"""Messages that the index is asked for at once."""

PLAIN_BATCH = 5000
"""Messages whose flags are asked for at once."""

_HEADERS = (SectionText.HEADER, SectionText.FIELDS, SectionText.FIELDS_NOT)


class BrokenLiteral(Exception):
    """A message ended before its literal did: nothing sensible can follow on this connection."""


class _Gone(Exception):
    """The message was expunged meanwhile."""


class _Source:
    """One message, with what was read of it so far."""

    __slots__ = ("_mailbox", "_message", "cached", "facts", "uid")

    def __init__(
        self,
        mailbox: Mailbox,
        uid: Uid,
        facts: MessageFacts | None,
        cached: CachedParts | None,
        message: OpenMessage | None,
    ) -> None:
        self._mailbox = mailbox
        self.uid = uid
        self.facts = facts
        self.cached = cached
        self._message = message

    def known(self) -> MessageFacts:
        if self.facts is None:
            raise _Gone
        return self.facts

    def parts(self) -> CachedParts:
        if self.cached is None:
            raise _Gone
        return self.cached

    @property
    def opened(self) -> OpenMessage | None:
        return self._message

    def message(self) -> OpenMessage:
        if self._message is None:
            content = self._mailbox.read_content(self.uid)
            if content is None:
                raise _Gone
            self._message = OpenMessage(self.uid, content)
        return self._message


class Plan:
    """A compiled list of items."""

    def __init__(self, view: Selected, items: Sequence[Item]) -> None:
        self._view = view
        self._recent = view.recent
        self._flag_lists = view.flag_lists
        self._items = [self._compile(item) for item in items]
        self._facts = any(isinstance(item, FlagsItem | FactItem) for item in items)
        self._wanted = Wanted(
            envelope=FromIndex.ENVELOPE in items,
            body_structure=FromIndex.BODYSTRUCTURE in items,
            header=any(isinstance(item, SectionItem) and _in_header(item) for item in items),
        )
        self._cached = self._wanted != Wanted()
        self._keeps = any(map(_is_partial, items))
        if not self._keeps:
            view.last_opened = None
        self._streams = any(isinstance(item, SectionItem) and _is_whole(item) for item in items)
        words = b" ".join(label.replace(b"%", b"%%") + b" %b" for label, _ in self._items)
        self._template = b"* %d FETCH (" + words + b")\r\n"
        self._plain_items = items
        self.is_plain = FlagsItem() in items and {*items} <= {UidItem(), FlagsItem()}
        if self.is_plain:
            self._template = self._template.replace(b"UID %b", b"UID %d")
        self.tells_flags = FlagsItem() in items
        self.sets_seen = any(
            isinstance(item, SectionItem | MessageItem) and item.sets_seen for item in items
        )
        self.gone = False

    def answers(self, pairs: Sequence[tuple[int, Uid]]) -> Iterator[bytes]:
        """Yield the answers for messages, in pieces; sets ``gone`` where one is no more.

        Raises:
            MailError: a message cannot be read; nothing of it was yielded.
            BrokenLiteral: it could not be read to its end.
        """
        if self.is_plain:
            yield self._plain_answers(pairs)
            return
        for batch in _batches(pairs):
            for number, source in self._sources(batch):
                try:
                    yield from self._answer(number, source)
                except _Gone:
                    self.gone = True

    def _plain_answers(self, pairs: Sequence[tuple[int, Uid]]) -> bytes:
        """Return UID and FLAGS of all messages at once: no client opens a mailbox without."""
        rows = self._view.mailbox.read_flags([uid for _, uid in pairs])
        if len(rows) < len(pairs):
            self.gone = True
            here = {uid for uid, _ in rows}
            pairs = [pair for pair in pairs if pair[1] in here]
        columns: list[Sequence[int | bytes]] = []
        for item in self._plain_items:
            is_uid = item == UidItem()
            columns.append([uid for uid, _ in rows] if is_uid else self._flag_column(rows))
        numbers = [number for number, _ in pairs]
        return b"".join(map(self._template.__mod__, zip(numbers, *columns, strict=True)))

    def _flag_column(self, rows: Sequence[tuple[Uid, Flags]]) -> list[bytes]:
        """Return the lists of flags; there are few different ones."""
        sets, recent = {values for _, values in rows}, self._recent
        plain = {values: self._flag_lists.get(values, False) for values in sets}
        if recent.isdisjoint(uid for uid, _ in rows):
            return [plain[values] for _, values in rows]
        fresh = {values: self._flag_lists.get(values, True) for values in sets}
        return [(fresh if uid in recent else plain)[values] for uid, values in rows]

    def _sources(self, batch: Sequence[tuple[int, Uid]]) -> Iterator[tuple[int, _Source]]:
        mailbox = self._view.mailbox
        uids = [uid for _, uid in batch]
        facts: dict[Uid, MessageFacts] = {}
        cached: dict[Uid, CachedParts] = {}
        if self._facts:
            facts = {fact.uid: fact for fact in mailbox.read_facts(uids)}
        if self._cached:
            cached = {parts.uid: parts for parts in mailbox.read_cached(uids, self._wanted)}
        for number, uid in batch:
            last = self._view.last_opened
            message = last if last is not None and last.uid == uid else None
            source = _Source(mailbox, uid, facts.get(uid), cached.get(uid), message)
            yield number, source
            if self._keeps:
                self._view.last_opened = source.opened

    def _answer(self, number: int, source: _Source) -> Iterator[bytes]:
        if not self._streams or source.message().content.size <= IN_MEMORY:
            yield self._template % (number, *[value(source) for _, value in self._items])
            return
        pieces = [b"* %d FETCH (" % number]
        values = [b"" if value is _whole else value(source) for _, value in self._items]
        for (label, value), octets in zip(self._items, values, strict=True):
            pieces.append(b"%b %b" % (label, octets))
            if value is _whole:
                pieces.append(b"{%d}\r\n" % source.message().content.size)
                yield b"".join(pieces)
                yield from _counted(source.message().content)
                pieces = []
            pieces.append(b" ")
        pieces[-1] = b")\r\n"
        yield b"".join(pieces)

    def _compile(self, item: Item) -> tuple[bytes, Callable[[_Source], bytes]]:
        match item:
            case UidItem():
                return b"UID", lambda source: b"%d" % source.uid
            case FlagsItem():
                return b"FLAGS", self._flags
            case FactItem(label, value):
                return label, lambda source: value(source.known())
            case FromIndex.ENVELOPE:
                return b"ENVELOPE", lambda source: source.parts().envelope
            case FromIndex.BODYSTRUCTURE:
                return b"BODYSTRUCTURE", lambda source: source.parts().body_structure
            case BodyItem():
                return b"BODY", lambda source: body(source.message().part())
            case MessageItem(label, content):
                return label, lambda source: content(source.message())
            case SectionItem():
                return _compile_section(item)
            case _:
                assert_never(item)

    def _flags(self, source: _Source) -> bytes:
        return self._flag_lists.get(source.known().flags, source.uid in self._recent)


def take_slice(pieces: Iterator[bytes], size: int) -> tuple[bytes, bool]:
    """Return about ``size`` octets of ``pieces``, and whether there may be more."""
    taken: list[bytes] = []
    total = 0
    for piece in pieces:
        taken.append(piece)
        total += len(piece)
        if total >= size:
            return b"".join(taken), True
    return b"".join(taken), False


def _batches(pairs: Sequence[tuple[int, Uid]]) -> Iterator[list[tuple[int, Uid]]]:
    rest = iter(pairs)
    while batch := list(islice(rest, BATCH)):
        yield batch


def _is_partial(item: Item) -> bool:
    match item:
        case SectionItem():
            return item.partial is not None
        case MessageItem():
            return item.is_part
    return False


def _is_whole(item: SectionItem) -> bool:
    return item.section == Section() and item.partial is None


def _in_header(item: SectionItem) -> bool:
    return not item.section.numbers and item.section.text in _HEADERS


def _compile_section(item: SectionItem) -> tuple[bytes, Callable[[_Source], bytes]]:
    section, partial = item.section, item.partial
    label = item.label if partial is None else b"%b<%d>" % (item.label, partial[0])
    if _is_whole(item):
        return label, _whole
    if _in_header(item):
        read = _header_reader(section)

        def from_header(source: _Source) -> bytes:
            octets = read(source)
            return literal(octets if partial is None else octets[partial[0] : sum(partial)])

        return label, from_header

    def from_message(source: _Source) -> bytes:
        octets = source.message().section(section, partial)
        return b"NIL" if octets is None else literal(octets)

    return label, from_message


def _header_reader(section: Section) -> Callable[[_Source], bytes]:
    if section.text is SectionText.HEADER:
        return lambda source: source.parts().header
    negate = section.text is SectionText.FIELDS_NOT
    return lambda source: select_fields(source.parts().header, section.fields, negate=negate)


def _whole(source: _Source) -> bytes:
    return literal(source.message().octets())


def _counted(content: MessageContent) -> Iterator[bytes]:
    """Yield a message; it must have exactly the size that was announced."""
    left = content.size
    try:
        for piece in chunks(content):
            left -= len(piece)
            if left < 0:
                break
            yield piece
    except Exception as error:  # whatever it is: half a literal is on its way
        raise BrokenLiteral from error
    if left:
        raise BrokenLiteral
