# SPDX-License-Identifier: MIT
"""Where the addresses of a field stand, so that they can be changed and nothing else.

Names, comments, folds and blanks stay octet for octet (RFC 5322 §3.4). The name of a group is no
address; a group's members are.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

_TOKEN = re.compile(
    rb'(?P<quoted>"(?:[^"\\]|\\.)*+"?)|(?P<comment>\((?:[^()\\]|\\.)*+\)?)'
    rb"|(?P<special>[<>,:;])|(?P<blank>[ \t\r\n]++)|(?P<text>[^\"(<>,:; \t\r\n]++|.)",
    re.DOTALL,
)


class Span(NamedTuple):
    """An address, with or without a domain, from ``start`` to ``end``."""

    start: int
    end: int
    text: bytes


def address_spans(body: bytes) -> Iterator[Span]:
    """Yield the addresses of a field's body.

    Of what stands between two commas, that is what ``<`` and ``>`` enclose, or all of it where it
    is one word.
    """
    run: list[tuple[int, int]] = []  # adjoining pieces that could be a bare address
    words = 0  # words in this element outside of angles
    blank = True
    angle = -1
    has_angle = False
    for found in _TOKEN.finditer(body + b","):
        kind, start, end = found.lastgroup, found.start(), found.end()
        if angle >= 0:
            if found[0] == b">":
                text = body[angle:start]
                if text.strip() and not text.startswith(b"@"):
                    yield Span(angle, start, text)
                angle = -1
            continue
        if kind in ("blank", "comment"):
            blank = True
        elif kind in ("quoted", "text"):
            if blank:
                words += 1
                run = []
            run.append((start, end))
            blank = False
        elif found[0] == b"<":
            angle, has_angle = end, True
        elif found[0] == b":":
            run, words, blank = [], 0, True  # that was the name of a group
        else:
            if not has_angle and words == 1 and run:
                yield Span(run[0][0], run[-1][1], body[run[0][0] : run[-1][1]])
            run, words, blank, has_angle = [], 0, True, False


def with_addresses(body: bytes, change: Callable[[bytes], bytes]) -> bytes:
    """Return a field's body with every address as ``change`` wants it."""
    pieces: list[bytes] = []
    at = 0
    for span in address_spans(body):
        pieces += (body[at : span.start], change(span.text))
        at = span.end
    return b"".join([*pieces, body[at:]])
