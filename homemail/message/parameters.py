# SPDX-License-Identifier: MIT
"""Values with parameters: ``text/plain; charset=utf-8`` (RFC 2045 §5.1, RFC 2231)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from urllib.parse import quote_from_bytes, unquote_to_bytes

from homemail.message.charset import decode_charset

Parameters = tuple[tuple[bytes, bytes], ...]
"""Names in lower case, in order, continuations put together.

One that was written with a character set is named ``name*`` and has the value
``charset'language'percent-encoded``.
"""

_PARAMETER = re.compile(
    rb';[;\s]*+([^=;\s"]++)\s*+=\s*+(?:"((?:[^"\\]|\\.)*+)(?:"|\\?\Z)|([^;\s]*+))', re.DOTALL
)
_COMMENT = re.compile(rb'"(?:[^"\\]|\\.)*+(?:"|\\?\Z)|\([^()]*+\)', re.DOTALL)
_ESCAPE = re.compile(rb"\\(.)", re.DOTALL)
_CONTINUED = re.compile(rb"([^*]++)\*(\d{1,4})(\*?)")
_LIMIT = 1000  # parameters of one value
_NESTED_COMMENTS = 10


def parse_value(body: bytes) -> tuple[bytes, Parameters]:
    """Return the value in lower case and its parameters."""
    if b"(" in body:
        body = _without_comments(body)
    value, _, _ = body.partition(b";")
    pairs: list[tuple[bytes, bytes]] = []
    for found in _PARAMETER.finditer(body, len(value)):
        name, quoted, plain = found.groups()
        text = plain if quoted is None else quoted
        if quoted is not None and b"\\" in quoted:
            text = _ESCAPE.sub(rb"\1", quoted)
        pairs.append((name.lower(), text))
        if len(pairs) == _LIMIT:
            break
    return value.strip().lower(), _put_together(pairs)


def _without_comments(body: bytes) -> bytes:
    for _ in range(_NESTED_COMMENTS):
        plain = _COMMENT.sub(lambda m: m[0] if m[0][:1] == b'"' else b" ", body)
        if plain == body:
            break
        body = plain
    return body


def _put_together(pairs: list[tuple[bytes, bytes]]) -> Parameters:
    """Join ``name*0``, ``name*1*``… (RFC 2231 §3); of several of one name the first counts."""
    if not any(b"*" in name for name, _ in pairs):
        return tuple(dict(reversed(pairs)).items())[::-1]
    whole: dict[bytes, bytes] = {}
    pieces: dict[bytes, dict[int, tuple[bool, bytes]]] = {}
    for name, text in pairs:
        found = _CONTINUED.fullmatch(name)
        if found:
            sections = pieces.setdefault(found[1], {})
            sections.setdefault(int(found[2]), (bool(found[3]), text))
            whole.setdefault(found[1], b"")  # keeps the place
        elif not whole.get(name):
            whole[name] = text
    for name, sections in pieces.items():
        if not whole[name]:
            del whole[name]
            key, text = _join_sections(name, sections)
            whole.setdefault(key, text)
    return tuple(whole.items())


def _join_sections(name: bytes, sections: dict[int, tuple[bool, bytes]]) -> tuple[bytes, bytes]:
    ordered = [sections[number] for number in sorted(sections)]
    if not any(extended for extended, _ in ordered):
        return name, b"".join(text for _, text in ordered)
    parts = [
        text if extended else quote_from_bytes(text, safe="").encode("ascii")
        for extended, text in ordered
    ]
    if not ordered[0][0]:
        parts.insert(0, b"''")
    return name + b"*", b"".join(parts)


def decoded_parameter(parameters: Sequence[tuple[bytes, bytes]], name: bytes) -> str | None:
    """Return the text of a parameter, ``name*`` decoded, or None where there is none.

    Source: RFC 2231 §4.
    """
    found = dict(parameters)
    extended = found.get(name + b"*")
    if extended is not None:
        pieces = extended.split(b"'", 2)
        if len(pieces) == 3:
            return decode_charset(unquote_to_bytes(pieces[2]), pieces[0])
        return decode_charset(extended, b"")
    plain = found.get(name)
    return None if plain is None else decode_charset(plain, b"")
