# SPDX-License-Identifier: MIT
"""The base subject, by which messages are sorted and threaded."""

from __future__ import annotations

import re

from homemail.message.words import decode_words

_BLOB = r"\[[^\[\]]*+\]\s*+"
_LEADER = re.compile(rf"(?:{_BLOB}){{0,50}}(?:re|fwd?)\s*(?:{_BLOB})?:", re.IGNORECASE)
_LEADING_BLOB = re.compile(_BLOB)
_TRAILER = re.compile(r"\(fwd\)\Z", re.IGNORECASE)
_FORWARDED = re.compile(r"\[fwd:(.*)\]", re.IGNORECASE | re.DOTALL)
_ROUNDS = 200  # a subject of nothing but "Re:"


def base_subject(body: bytes) -> str:
    """Return the subject without ``Re:``, ``Fwd:``, ``(fwd)`` and ``[list]`` around it.

    Source: RFC 5256 §2.1.
    """
    return _base(decode_words(body[:10_000]))[0]


def split_subject(body: bytes) -> tuple[str, bool]:
    """Return the base subject, and whether it had ``Re:``, ``Fwd:`` or ``(fwd)`` on it.

    Source: RFC 5256 §2.1.
    """
    return _base(decode_words(body[:10_000]))


def _base(text: str) -> tuple[str, bool]:
    text = re.sub(r"\s+", " ", text)
    marked = False
    for _ in range(_ROUNDS):
        before = text
        text = text.strip()
        while _TRAILER.search(text):
            text, marked = text[:-5].rstrip(), True
        if found := _LEADER.match(text):
            text, marked = text[found.end() :], True
        elif (found := _LEADING_BLOB.match(text)) and text[found.end() :].strip():
            text = text[found.end() :]
        elif found := _FORWARDED.fullmatch(text):
            text, marked = found[1], True
        if text == before:
            break
    return text, marked
