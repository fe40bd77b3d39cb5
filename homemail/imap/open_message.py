# SPDX-License-Identifier: MIT
"""One message whose content is read: as a whole, by sections, or a part of them.

Clients fetch a large message in many small parts. So its structure is remembered, and a reader
that stands where the last part ended: going through it once costs one pass, not one for each part.
"""

from __future__ import annotations

from typing import BinaryIO

from homemail.message.decode import decoded_octets
from homemail.message.mime import Part, Span, scan
from homemail.message.section import Section, SectionText, find_part, section_octets
from homemail.model.mailbox import Uid
from homemail.model.message import CHUNK, MessageContent, read_all

IN_MEMORY = 256 * 1024
"""Octets up to which a message is read at once."""

_FIELDS = (SectionText.FIELDS, SectionText.FIELDS_NOT)


class UnknownEncoding(Exception):
    """A part has a transfer encoding that nobody knows."""


class OpenMessage:
    """A message that is being read."""

    __slots__ = ("_decoded", "_octets", "_part", "_position", "_reader", "content", "uid")

    def __init__(self, uid: Uid, content: MessageContent) -> None:
        self.uid = uid
        self.content = content
        self._octets: bytes | None = None
        self._part: Part | None = None
        self._reader: BinaryIO | None = None
        self._position = 0
        self._decoded: tuple[tuple[int, ...], bytes] | None = None

    def octets(self) -> bytes:
        """Return the whole message; only a small one is kept."""
        if self._octets is not None:
            return self._octets
        octets = read_all(self.content)
        if len(octets) <= IN_MEMORY:
            self._octets = octets
        return octets

    def part(self) -> Part:
        """Return the tree of the message."""
        if self._part is None:
            self._part = scan(self.octets())
        return self._part

    def section(self, section: Section, partial: tuple[int, int] | None) -> bytes | None:
        """Return the octets of a section, or ``partial`` (first, count) of them.

        None where the message has no such section.
        """
        if section.text in _FIELDS:
            found = section_octets(self.octets(), self.part(), section)
        elif section == Section():
            found = Span(0, self.content.size)
        else:
            found = section_octets(b"", self.part(), section)  # the tree alone says where
        if found is None:
            return None
        if isinstance(found, bytes):
            return found if partial is None else found[partial[0] : sum(partial)]
        start, end = found
        if partial is not None:
            start, end = min(start + partial[0], end), min(start + sum(partial), end)
        return self._range(start, end)

    def decoded(self, numbers: tuple[int, ...]) -> bytes | None:
        """Return the body of a part without its transfer encoding, None where there is none.

        What was decoded last is remembered. Of a part that holds others, and of the whole message,
        nothing is decoded.

        Raises:
            UnknownEncoding: nobody can.
        """
        if self._decoded is not None and self._decoded[0] == numbers:
            return self._decoded[1]
        part = find_part(self.part(), numbers)
        if part is None:
            return None
        octets: bytes | None
        if not numbers or part.children:
            found = self.section(Section(numbers), None)
            octets = found if found is not None else b""
        else:
            octets = decoded_octets(self.octets(), part)
            if octets is None:
                raise UnknownEncoding
        self._decoded = numbers, octets
        return octets

    def _range(self, start: int, end: int) -> bytes:
        if self.content.size <= IN_MEMORY:
            return self.octets()[start:end]
        if self._reader is None or self._position > start:
            self.close()
            self._reader, self._position = self.content.open(), 0
        while self._position < start:
            passed = len(self._reader.read(min(CHUNK, start - self._position)))
            if not passed:
                return b""
            self._position += passed
        octets = self._reader.read(end - start)
        self._position += len(octets)
        return octets

    def close(self) -> None:
        """Let go of the reader."""
        if self._reader is not None:
            self._reader.close()
            self._reader = None
