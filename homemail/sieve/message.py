# SPDX-License-Identifier: MIT
"""The octets of a message as a script sees them; each thing is read and decoded once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property

from homemail.message.address_list import parse_addresses
from homemail.message.decode import decoded_text
from homemail.message.header import HEADER_LIMIT, read_fields, split_message
from homemail.message.mime import Part, scan
from homemail.message.words import decode_words
from homemail.model.message import MemoryContent, MessageContent, PrefixedContent, behind
from homemail.sieve.view import SeenAddress

BODY_LIMIT = 16 * 2**20
"""Octets of a message that body tests look at; what comes later is rarely read by people."""


class _Fields:
    """The fields of one header; each is read and decoded once."""

    def __init__(self) -> None:
        self._fields: dict[str, tuple[str, ...]] = {}
        self._addresses: dict[str, tuple[tuple[SeenAddress, ...], ...]] = {}

    @cached_property
    def _header(self) -> dict[bytes, list[bytes]]:
        return {}

    def _bodies(self, field_name: str) -> list[bytes]:
        return self._header.get(field_name.encode("utf-8", "replace"), [])

    def fields(self, field_name: str) -> Sequence[str]:
        if (found := self._fields.get(field_name)) is None:
            found = tuple(decode_words(body) for body in self._bodies(field_name))
            self._fields[field_name] = found
        return found

    def addresses(self, field_name: str) -> Sequence[Sequence[SeenAddress]]:
        if (found := self._addresses.get(field_name)) is None:
            found = tuple(tuple(_addresses(body)) for body in self._bodies(field_name))
            self._addresses[field_name] = found
        return found


class OctetsPart(_Fields):
    """A ``PartView`` of a part in a message's octets."""

    def __init__(self, octets: bytes, part: Part) -> None:
        super().__init__()
        self._octets = octets
        self._part = part

    @cached_property
    def _header(self) -> dict[bytes, list[bytes]]:
        return read_fields(self._octets[self._part.header.start : self._part.header.end])

    @cached_property
    def children(self) -> tuple[OctetsPart, ...]:
        return tuple(OctetsPart(self._octets, child) for child in self._part.children)

    def text(self) -> str:
        if self._part.is_multipart or self._part.is_message:
            return ""
        return decoded_text(self._octets, self._part)


class ContentView(_Fields):
    """A ``MessageView`` of any content; the body is read when a script asks for it.

    ``prefix`` are fields in front of it that scripts see and cannot change.
    """

    def __init__(self, content: MessageContent, prefix: bytes = b"") -> None:
        super().__init__()
        self._own = content
        self._prefix = prefix
        self._content = _prefixed(prefix, content)
        self._parts: dict[tuple[str, ...], tuple[str, ...]] = {}

    @property
    def size(self) -> int:
        return self._content.size

    @cached_property
    def _header(self) -> dict[bytes, list[bytes]]:
        with self._content.open() as reader:
            return read_fields(reader.read(HEADER_LIMIT))

    @cached_property
    def _octets(self) -> bytes:
        with self._content.open() as reader:
            return reader.read(BODY_LIMIT)

    @cached_property
    def _root(self) -> Part:
        return scan(self._octets)

    @cached_property
    def _raw_body(self) -> str:
        octets = self._octets
        return octets[split_message(octets) :].decode("utf-8", "replace")

    def raw_body(self) -> str:
        return self._raw_body

    def body_parts(self, content_types: Sequence[str]) -> Sequence[str]:
        wanted = tuple(content_types)
        if (found := self._parts.get(wanted)) is None:
            found = tuple(_contents(self._octets, self._root, wanted))
            self._parts[wanted] = found
        return found

    def top_part(self) -> OctetsPart:
        return OctetsPart(self._octets, self._root)

    def header(self) -> bytes:
        with self._own.open() as reader:
            octets = reader.read(HEADER_LIMIT)
        return octets[: split_message(octets)]

    def with_header(self, header: bytes) -> ContentView:
        rest = behind(self._own, len(self.header()))
        return ContentView(_prefixed(header, rest), self._prefix)


def _prefixed(prefix: bytes, content: MessageContent) -> MessageContent:
    """Return one content; a small one as plain octets, which are read several times."""
    if isinstance(content, MemoryContent):
        return MemoryContent(prefix + content.octets) if prefix else content
    return PrefixedContent(prefix, content) if prefix else content


def _addresses(body: bytes) -> Iterator[SeenAddress]:
    for entry in parse_addresses(body):
        if entry.host is not None:
            yield SeenAddress(_text(entry.mailbox or b""), _text(entry.host))


def _text(octets: bytes) -> str:
    return octets.decode("utf-8", "replace")


def _contents(octets: bytes, part: Part, wanted: tuple[str, ...]) -> Iterator[str]:
    if _is_wanted(part, wanted):
        yield from _own_texts(octets, part)
    for child in part.children:
        yield from _contents(octets, child, wanted)


def _is_wanted(part: Part, wanted: tuple[str, ...]) -> bool:
    kind = part.type.decode("ascii", "replace")
    return any(
        want in ("", kind, f"{kind}/{part.subtype.decode('ascii', 'replace')}") for want in wanted
    )


def _own_texts(octets: bytes, part: Part) -> Iterator[str]:
    """Yield what belongs to a part and to none inside it (RFC 5173 §5.2).

    That is the text before and after the parts of a multipart, and the header of a message in a
    message.
    """
    if part.is_message:
        header = part.children[0].header
        yield _text(octets[header.start : header.end])
    elif part.is_multipart and part.children:
        yield _text(octets[part.body.start : part.children[0].header.start])
        yield _text(octets[part.children[-1].body.end : part.body.end])
    else:
        yield decoded_text(octets, part)
