# SPDX-License-Identifier: MIT
"""What FETCH can ask of a message, and how it is written.

Source: RFC 3501 §6.4.5.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum

from homemail.imap.grammar import Scanner, SyntaxTrouble
from homemail.imap.open_message import OpenMessage
from homemail.message.section import Section, SectionText
from homemail.model.mailbox import MessageFacts


class FromIndex(Enum):
    """Values that the index keeps in their wire form."""

    ENVELOPE = b"ENVELOPE"
    BODYSTRUCTURE = b"BODYSTRUCTURE"


@dataclass(frozen=True, slots=True)
class UidItem:
    """UID."""


@dataclass(frozen=True, slots=True)
class FlagsItem:
    """FLAGS."""


@dataclass(frozen=True, slots=True)
class BodyItem:
    """BODY without a section: the structure without extension data."""


@dataclass(frozen=True, slots=True)
class FactItem:
    """A value made of what the index knows. ``label`` is what stands before it."""

    label: bytes
    value: Callable[[MessageFacts], bytes]


@dataclass(frozen=True, slots=True)
class SectionItem:
    r"""Octets of the message: ``BODY[section]<first.count>`` and its like.

    ``sets_seen``: fetching it sets \Seen.
    """

    label: bytes
    section: Section
    partial: tuple[int, int] | None = None
    sets_seen: bool = False


@dataclass(frozen=True, slots=True)
class MessageItem:
    r"""A value made of the message itself.

    Two of the same ``label`` are the same. ``is_part``: clients ask for one part after another.
    """

    label: bytes
    value: Callable[[OpenMessage], bytes] = field(compare=False)
    is_part: bool = False
    sets_seen: bool = False


Item = UidItem | FlagsItem | BodyItem | FactItem | FromIndex | SectionItem | MessageItem

_WORD = re.compile(rb"[A-Za-z0-9.=]+")
_SECTION_TEXT = re.compile(rb"HEADER\.FIELDS\.NOT|HEADER\.FIELDS|HEADER|TEXT|MIME", re.IGNORECASE)
_PART = re.compile(rb"([1-9][0-9]{0,8})(?:\.|(?=\]))")
_PARTIAL = re.compile(rb"<([0-9]{1,10})\.([1-9][0-9]{0,9})>")
_FIELD_NAME = re.compile(rb"[!-9;-~]+")
_PLAIN_NAME = re.compile(rb"[^\x00-\x20\x7f-\xff(){%*\"\\\]]+\Z")

MOST_PARTS = 100
MOST_FIELDS = 1000


def parse_items(
    scanner: Scanner,
    words: Mapping[bytes, Callable[[Scanner], Item]],
    macros: Mapping[bytes, tuple[bytes, ...]],
) -> tuple[Item, ...]:
    """Return the items of a FETCH, each once, in the order written."""
    if scanner.peek(b"("):
        items = scanner.parenthesized(lambda: parse_item(scanner, words))
        return tuple(dict.fromkeys(items))
    for name, members in macros.items():
        if scanner.peek(name) and not scanner.peek(name + b"."):
            scanner.expect(name)
            return tuple(words[member](scanner) for member in members)
    return (parse_item(scanner, words),)


def parse_item(scanner: Scanner, words: Mapping[bytes, Callable[[Scanner], Item]]) -> Item:
    """Return one item; ``words`` maps its first word to the reader of the rest."""
    word = scanner.need(_WORD, "a fetch item")[0].upper()
    reader = words.get(word)
    if reader is None:
        raise SyntaxTrouble("Unknown fetch item")
    return reader(scanner)


def parse_body(scanner: Scanner) -> Item:
    """Return BODY or BODY[...], the word itself having been read."""
    return parse_section(scanner, peek=False) if scanner.peek(b"[") else BodyItem()


def parse_section(scanner: Scanner, *, peek: bool) -> SectionItem:
    """Return what ``[section]<partial>`` says."""
    scanner.expect(b"[")
    section = _section(scanner, parse_numbers(scanner))
    scanner.expect(b"]")
    return SectionItem(_label(section), section, parse_partial(scanner), sets_seen=not peek)


def parse_numbers(scanner: Scanner) -> tuple[int, ...]:
    """Return the part's number that stands next: ``1.2.3``; nothing for the whole message."""
    numbers: list[int] = []
    while found := scanner.match(_PART):
        numbers.append(int(found[1]))
        if len(numbers) > MOST_PARTS:
            raise SyntaxTrouble("Too many parts in a section")
    return tuple(numbers)


def _section(scanner: Scanner, numbers: tuple[int, ...]) -> Section:
    found = scanner.match(_SECTION_TEXT)
    if not found:
        return Section(numbers)
    text = SectionText(found[0].decode("ascii").upper())
    if text is SectionText.MIME and not numbers:
        raise SyntaxTrouble("MIME needs a part")
    fields: list[bytes] = []
    if text in (SectionText.FIELDS, SectionText.FIELDS_NOT):
        scanner.space()
        fields = scanner.parenthesized(lambda: _field_name(scanner))
        if len(fields) > MOST_FIELDS:
            raise SyntaxTrouble("Too many header fields")
    return Section(numbers, text, tuple(fields))


def _field_name(scanner: Scanner) -> bytes:
    name = scanner.astring()
    if not _FIELD_NAME.fullmatch(name):
        raise SyntaxTrouble("Expected the name of a header field")
    return name.upper()


def parse_partial(scanner: Scanner) -> tuple[int, int] | None:
    """Return ``<first.count>``, if it stands next."""
    found = scanner.match(_PARTIAL)
    return (int(found[1]), int(found[2])) if found else None


def _label(section: Section) -> bytes:
    words = [str(number).encode("ascii") for number in section.numbers]
    if section.text is not SectionText.ALL:
        words.append(section.text.value.encode("ascii"))
    label = b".".join(words)
    if section.fields:
        label += b" (%b)" % b" ".join(map(_astring, section.fields))
    return b"BODY[%b]" % label


def _astring(name: bytes) -> bytes:
    if _PLAIN_NAME.match(name):
        return name
    return b'"' + name.replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'"'
