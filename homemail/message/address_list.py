# SPDX-License-Identifier: MIT
"""Address lists of a header, well-formed or not (RFC 5322 §3.4 and §4.4, RFC 6532).

What is broken is read as most programs mean it: ``;`` between addresses, a missing ``>``, words
in front of a bare address, an address without a domain (host ``b""``).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple


class ListedAddress(NamedTuple):
    """An entry as ENVELOPE has it.

    A group begins with an entry whose ``host`` alone is None (``mailbox`` is the group's name) and
    ends with one whose ``mailbox`` is None too. ``name`` is without quotes, its encoded words are
    left as they are; ``mailbox`` is without quotes.
    """

    name: bytes | None
    route: bytes | None
    mailbox: bytes | None
    host: bytes | None

    @property
    def is_group_mark(self) -> bool:
        return self.host is None


GROUP_END = ListedAddress(None, None, None, None)

_ATOM = rb"[^\x00-\x20()<>\[\]:;@\\,.\"\x7f]"
_DOTTED = rb"(?:" + _ATOM + rb"|\.)++"
# The group of words is not possessive: Python before 3.11.5 forgets to go back where one fails.
_SIMPLE = re.compile(
    rb'[ \t]*+(?:(?:"([^"\\\r\n]*+)"|(' + _DOTTED + rb"(?:[ \t]++" + _DOTTED + rb")*))?[ \t]*+"
    rb"<(" + _DOTTED + rb")@(" + _DOTTED + rb")>"
    rb"|(" + _DOTTED + rb")@(" + _DOTTED + rb"))[ \t]*+(?:,|\Z)"
)
_TOKEN = re.compile(
    rb"([ \t\r\n]++)"
    rb'|"((?:[^"\\]|\\.)*+)(?:"|\\?\Z)'
    rb"|(\[(?:[^\]\\]|\\.)*+(?:\]|\\?\Z))"
    rb"|(\()"
    rb"|([<>:;@,])"
    rb"|((?:[^\t\r\n ()<>\[:;@,\"])++)",
    re.DOTALL,
)
_COMMENT_PIECE = re.compile(rb"[^()\\]++|\\.|[()]|\\", re.DOTALL)
_ESCAPE = re.compile(rb"\\(.)", re.DOTALL)


def parse_addresses(body: bytes) -> list[ListedAddress]:
    """Return the entries of an unfolded address list.

    Source: RFC 5322 §3.4.
    """
    entries: list[ListedAddress] = []
    at = 0
    while at < len(body):
        found = _SIMPLE.match(body, at)
        if not found:
            return entries + _Parser(_tokens(body, at)).parse()
        quoted, words, local, host, bare_local, bare_host = found.groups()
        name = quoted if quoted is not None else words
        entries.append(ListedAddress(name or None, None, local or bare_local, host or bare_host))
        at = found.end()
    return entries


class _Token(NamedTuple):
    kind: str  # "word", "comment", or the special itself
    text: bytes
    spaced: bool  # white space or a comment stands in front


def _tokens(body: bytes, at: int) -> Iterable[_Token]:
    spaced = False
    while found := _TOKEN.match(body, at):
        at = found.end()
        kind = found.lastindex
        if kind == 1:
            spaced = True
            continue
        if kind == 2:
            yield _Token("word", _ESCAPE.sub(rb"\1", found[2]), spaced)
        elif kind == 4:
            at, text = _comment(body, at)
            yield _Token("comment", text, True)
        elif kind == 5:
            yield _Token(found[5].decode("ascii"), found[5], spaced)
        else:
            yield _Token("word", found[0], spaced)
        spaced = kind == 4


def _comment(body: bytes, at: int) -> tuple[int, bytes]:
    """Return where the comment that began before ``at`` ends, and what it says."""
    depth = 1
    pieces = []
    while depth and (found := _COMMENT_PIECE.match(body, at)):
        at = found.end()
        piece = found[0]
        depth += {b"(": 1, b")": -1}.get(piece, 0)
        if depth:
            pieces.append(piece[1:] if len(piece) == 2 and piece[:1] == b"\\" else piece)
    return at, b"".join(pieces)


@dataclass(slots=True)
class _Entry:
    """What was read since the last separator."""

    words: list[_Token] = field(default_factory=list)  # "word" and "@"
    comment: bytes | None = None
    angle: list[_Token] | None = None
    route: bytes | None = None


class _Parser:
    """The slow way, for what is not ``name <local@host>``."""

    def __init__(self, tokens: Iterable[_Token]) -> None:
        self._tokens = tokens
        self._entries: list[ListedAddress] = []
        self._entry = _Entry()
        self._in_angle = False
        self._in_group = False

    def parse(self) -> list[ListedAddress]:
        for token in self._tokens:
            if token.kind == "comment":
                self._entry.comment = self._entry.comment or token.text
            elif self._in_angle:
                self._inside_angle(token)
            else:
                self._outside_angle(token)
        self._finish()
        if self._in_group:
            self._entries.append(GROUP_END)
        return self._entries

    def _outside_angle(self, token: _Token) -> None:
        entry = self._entry
        if token.kind in (",", ";"):
            self._finish()
            if token.kind == ";" and self._in_group:
                self._in_group = False
                self._entries.append(GROUP_END)
        elif token.kind == ":" and entry.angle is None and not self._in_group:
            self._in_group = True
            name = _joined(entry.words) or b""
            self._entries.append(ListedAddress(None, None, name, None))
            self._entry = _Entry()
        elif token.kind == "<" and entry.angle is None:
            entry.angle, self._in_angle = [], True
        elif token.kind in ("word", "@") and entry.angle is None:
            entry.words.append(token)

    def _inside_angle(self, token: _Token) -> None:
        entry = self._entry
        angle = entry.angle if entry.angle is not None else []
        is_route = bool(angle) and angle[0].kind == "@"
        if token.kind == ">":
            self._in_angle = False
        elif token.kind == ":" and is_route:
            entry.route = b"".join(word.text for word in angle)
            entry.angle = []
        elif token.kind in (",", ";") and not is_route:
            self._in_angle = False  # the ">" is missing
            self._outside_angle(token)
        elif token.kind != "<":
            angle.append(token)

    def _finish(self) -> None:
        entry, self._entry = self._entry, _Entry()
        self._in_angle = False
        if entry.angle is not None:
            name = _joined(entry.words)
            local, host = _split(entry.angle)
        elif entry.words:
            name, words = _leading_name(entry.words)
            local, host = _split(words)
        else:
            return
        if local or host or name:
            self._entries.append(ListedAddress(name or entry.comment, entry.route, local, host))


def _joined(words: list[_Token]) -> bytes | None:
    """Return a phrase: its words with one blank where there was any."""
    text = b"".join((b" " if word.spaced else b"") + word.text for word in words).strip()
    return text or None


def _leading_name(words: list[_Token]) -> tuple[bytes | None, list[_Token]]:
    """Take off the words in front of a bare address: ``John Doe john@example.org``."""
    at = next((i for i, word in enumerate(words) if word.kind == "@"), None)
    if at is None:
        return None, words
    first = max(at - 1, 0)
    while first > 0 and (not words[first].spaced or _dotted(words[first - 1], words[first])):
        first -= 1
    return _joined(words[:first]), words[first:]


def _dotted(left: _Token, right: _Token) -> bool:
    return left.text.endswith(b".") or right.text.startswith(b".")


def _split(words: list[_Token]) -> tuple[bytes, bytes]:
    """Return local part and host: what stands before and after the last ``@``."""
    at = max((i for i, word in enumerate(words) if word.kind == "@"), default=None)
    if at is None:
        return b" ".join(word.text for word in words), b""
    local = b"".join(word.text for word in words[:at])
    host = b""
    for word in words[at + 1 :]:
        if host and word.spaced and not (host.endswith(b".") or word.text.startswith(b".")):
            break
        host += word.text
    return local, host
