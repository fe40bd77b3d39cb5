# SPDX-License-Identifier: MIT
"""Sections of a message as FETCH names them: ``1.2.HEADER.FIELDS (From)``."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from homemail.message.header import HEADER_LIMIT, Octets, select_fields
from homemail.message.mime import Part, Span


class SectionText(Enum):
    """What of the part is meant."""

    ALL = ""
    HEADER = "HEADER"
    FIELDS = "HEADER.FIELDS"
    FIELDS_NOT = "HEADER.FIELDS.NOT"
    TEXT = "TEXT"
    MIME = "MIME"


@dataclass(frozen=True, slots=True)
class Section:
    """``numbers`` lead to a part; ``fields`` are the names of HEADER.FIELDS, in any case."""

    numbers: tuple[int, ...] = ()
    text: SectionText = SectionText.ALL
    fields: tuple[bytes, ...] = ()


def find_part(root: Part, numbers: tuple[int, ...]) -> Part | None:
    """Return the part with this number, or None where there is none.

    Part 1 of a message that is no multipart is its body; the numbers below a ``message/rfc822``
    are those of the message in it.

    Source: RFC 9051 §6.4.5.1.
    """
    container, part = root, root
    for place, number in enumerate(numbers):
        if place and not part.children:
            return None
        if place:
            container = part.children[0] if part.is_message else part
        if container.is_multipart:
            if not 1 <= number <= len(container.children):
                return None
            part = container.children[number - 1]
        elif number == 1:
            part = container
        else:
            return None
    return part


def section_octets(octets: Octets, root: Part, section: Section) -> Span | bytes | None:
    """Return where the section is, or its octets where it is not in one piece.

    None: the message has no such section. ``root`` is ``scan(octets)``.

    Source: RFC 9051 §6.4.5.1.
    """
    part = find_part(root, section.numbers)
    if part is None:
        return None
    if section.text is SectionText.ALL:
        return part.body if section.numbers else Span(0, len(octets))
    if section.text is SectionText.MIME:
        return part.header if section.numbers else None
    message = root
    if section.numbers:
        if not part.is_message:
            return None
        message = part.children[0]
    if section.text is SectionText.TEXT:
        return message.body
    if section.text is SectionText.HEADER:
        return message.header
    start, end = message.header
    header = octets[start : min(end, start + HEADER_LIMIT)]
    return select_fields(header, section.fields, negate=section.text is SectionText.FIELDS_NOT)
