# SPDX-License-Identifier: MIT
"""The tree of a message's parts, as offsets into its octets (RFC 2045, RFC 2046).

Invariants: one pass over the octets, whatever they hold; no exception; every range lies inside the
message and every part's inside its parent's. Past a limit (depth, number of parts) the rest of the
message is one part ``application/octet-stream``. A multipart in which no delimiter is found holds
its whole body as one ``text/plain``, so that it can be read.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from mmap import mmap
from typing import NamedTuple
from urllib.parse import unquote_to_bytes

from homemail.message.envelope import envelope
from homemail.message.header import HEADER_LIMIT, Octets, as_octets, read_mime_fields
from homemail.message.parameters import Parameters, parse_value

MAX_DEPTH = 100
MAX_PARTS = 10_000
_MAX_BOUNDARY = 998  # RFC 2046 §5.1.1 says 70; a line has at most this
_CHUNK = 1 << 18


class Span(NamedTuple):
    """Offsets of the first octet and of that after the last."""

    start: int
    end: int


class _Count(NamedTuple):
    lines: int
    bare: int  # LF without CR


class Disposition(NamedTuple):
    """Content-Disposition (RFC 2183)."""

    kind: bytes
    parameters: Parameters


@dataclass(frozen=True, slots=True)
class Part:
    """A message or a part of one.

    ``header`` includes the empty line, ``body`` follows it. ``size`` and ``lines`` are those of
    the body with CRLF line ends. ``type``, ``subtype`` and ``encoding`` are in lower case. A
    multipart has one child or more; a ``message/rfc822`` has one, which is the message itself,
    and its ``envelope``.
    """

    type: bytes
    subtype: bytes
    parameters: Parameters
    header: Span
    body: Span
    size: int
    lines: int
    encoding: bytes = b"7bit"
    id: bytes | None = None
    description: bytes | None = None
    md5: bytes | None = None
    disposition: Disposition | None = None
    language: tuple[bytes, ...] = ()
    location: bytes | None = None
    children: tuple[Part, ...] = ()
    envelope: bytes = b""

    @property
    def is_multipart(self) -> bool:
        return self.type == b"multipart"

    @property
    def is_message(self) -> bool:
        return self.type == b"message" and bool(self.children)


def scan(octets: bytes | bytearray | memoryview | mmap) -> Part:
    """Return the tree of the message in ``octets``; lines end in CRLF or LF.

    Source: RFC 2046 §5.1.
    """
    return _Scanner(as_octets(octets)).entity(0, 0, _TEXT_PLAIN)[0]


class _Delimiter(NamedTuple):
    """A delimiter line: whose it is, whether it is the last one, and where it stands."""

    level: int
    closes: bool
    start: int
    end: int


class _Kind(NamedTuple):
    type: bytes
    subtype: bytes
    parameters: Parameters


_TOKEN = re.compile(rb"[^\x00-\x20()<>@,;:\\\"/\[\]?=\x7f-\xff]{1,127}")
_TEXT_PLAIN = _Kind(b"text", b"plain", ((b"charset", b"us-ascii"),))
_MESSAGE = _Kind(b"message", b"rfc822", ())
_OPAQUE = _Kind(b"application", b"octet-stream", ())
_MESSAGES = (b"rfc822", b"global")
_HEADER_EVENT = re.compile(rb"\n(?:(\r?\n)|--)")
_LINE_START = re.compile(rb"(\r?\n)|--")


class _Scanner:
    def __init__(self, octets: Octets) -> None:
        self._octets = octets
        self._end = len(octets)
        self._levels: dict[bytes, list[int]] = {}  # boundary -> the open multiparts that have it
        self._parts = 0
        self._counted = (0, 0, 0)

    def entity(self, start: int, depth: int, default: _Kind) -> tuple[Part, _Delimiter | None]:
        """Read the entity at ``start``; return it and the delimiter that ended it."""
        self._parts += 1
        body, ended_by = self._header(start)
        fields = read_mime_fields(self._octets[start : min(body, start + HEADER_LIMIT)])
        kind = _content_type(fields, default)
        before = self._count_to(body)
        children: tuple[Part, ...] = ()
        if kind.type == b"multipart" and ended_by is None:
            children, ended_by = self._children(kind, body, depth + 1)
        elif kind.type == b"message" and kind.subtype in _MESSAGES:
            child, ended_by = self._inner_message(body, ended_by, depth + 1)
            children = (child,)
        elif ended_by is None:
            ended_by = self._next_delimiter(body)
        end = self._body_end(body, ended_by)
        if children:  # the last may be a header alone, which keeps its line end
            end = max(end, children[-1].body.end)
        after = self._count_to(end)
        span = Span(body, end)
        if kind.type == b"multipart" and not children:
            children = (_leaf(_TEXT_PLAIN, span, before, after),)
        header = Span(start, body)
        return self._part(kind, fields, header, span, before, after, children), ended_by

    def _part(
        self,
        kind: _Kind,
        fields: Mapping[bytes, bytes],
        header: Span,
        body: Span,
        before: _Count,
        after: _Count,
        children: tuple[Part, ...],
    ) -> Part:
        inner_envelope = b""
        if kind.type == b"message" and children:
            inner = children[0].header
            limit = min(inner.end, inner.start + HEADER_LIMIT)
            inner_envelope = envelope(self._octets[inner.start : limit])
        disposition = fields.get(b"content-disposition")
        language = fields.get(b"content-language")
        return Part(
            *kind,
            header,
            body,
            body.end - body.start + after.bare - before.bare,
            after.lines - before.lines,
            (fields.get(b"content-transfer-encoding") or b"7bit").lower(),
            fields.get(b"content-id"),
            fields.get(b"content-description"),
            fields.get(b"content-md5"),
            Disposition(*parse_value(disposition)) if disposition else None,
            tuple(filter(None, re.split(rb"[,\s]+", language))) if language else (),
            fields.get(b"content-location"),
            children,
            inner_envelope,
        )

    def _header(self, start: int) -> tuple[int, _Delimiter | None]:
        """Return where the body of the entity begins, and the delimiter if one ends the header."""
        found = _LINE_START.match(self._octets, start)
        if found and found[1] is not None:
            return found.end(), None
        if found and (hit := self._delimiter_at(start)):
            return start, hit
        at = start
        while event := _HEADER_EVENT.search(self._octets, at):
            if event[1] is not None:
                return event.end(), None
            if hit := self._delimiter_at(event.start() + 1):
                return hit.start, hit
            at = event.end()
        return self._end, None

    def _inner_message(
        self, start: int, ended_by: _Delimiter | None, depth: int
    ) -> tuple[Part, _Delimiter | None]:
        if ended_by is not None or self._is_past_limit(depth):
            return self._rest(start, ended_by)
        return self.entity(start, depth, _TEXT_PLAIN)

    def _children(
        self, kind: _Kind, start: int, depth: int
    ) -> tuple[tuple[Part, ...], _Delimiter | None]:
        boundary = _boundary(kind.parameters)
        if not boundary:
            return (), self._next_delimiter(start)
        self._levels.setdefault(boundary, []).append(depth)
        default = _MESSAGE if kind.subtype == b"digest" else _TEXT_PLAIN
        children = []
        hit = self._next_delimiter(start)
        while hit and hit.level == depth and not hit.closes:
            if self._is_past_limit(depth):
                child, hit = self._rest(hit.end, None)
            else:
                child, hit = self.entity(hit.end, depth, default)
            children.append(child)
        self._levels[boundary].pop()
        if hit and hit.level == depth:
            hit = self._next_delimiter(hit.end)  # after the epilogue
        return tuple(children), hit

    def _is_past_limit(self, depth: int) -> bool:
        return self._parts >= MAX_PARTS or depth > MAX_DEPTH

    def _rest(self, start: int, ended_by: _Delimiter | None) -> tuple[Part, _Delimiter | None]:
        """Return what follows as one opaque part: up to a known delimiter, or to the end."""
        span = Span(start, self._body_end(start, ended_by))
        before = self._count_to(start)
        return _leaf(_OPAQUE, span, before, self._count_to(span.end)), ended_by

    def _next_delimiter(self, at: int) -> _Delimiter | None:
        """Return the first delimiter of an open multipart from the line at ``at`` on."""
        if not any(self._levels.values()):
            return None
        at = self._octets.find(b"\n--", max(at - 1, 0))
        while at >= 0:
            if hit := self._delimiter_at(at + 1):
                return hit
            at = self._octets.find(b"\n--", at + 3)
        return None

    def _delimiter_at(self, at: int) -> _Delimiter | None:
        """Return the delimiter that is the line at ``at`` (which begins with ``--``)."""
        end = self._octets.find(b"\n", at, at + _MAX_BOUNDARY)
        if end < 0 and self._end - at > _MAX_BOUNDARY:
            return None
        boundary = self._octets[at + 2 : end if end >= 0 else self._end].rstrip()
        levels = self._levels.get(boundary)
        closes = False
        if not levels and boundary.endswith(b"--"):
            levels = self._levels.get(boundary[:-2])
            closes = True
        if not levels:
            return None
        return _Delimiter(levels[-1], closes, at, end + 1 if end >= 0 else self._end)

    def _body_end(self, body: int, ended_by: _Delimiter | None) -> int:
        """Return where the body ends: before the line end that belongs to the delimiter."""
        if ended_by is None:
            return self._end
        end = ended_by.start - 1
        if end > body and self._octets[end - 1 : end] == b"\r":
            end -= 1
        return max(end, body)

    def _count_to(self, at: int) -> _Count:
        """Return how many line ends, and bare LF among them, stand before ``at``.

        Goes on from where it was asked last, so that nested parts are not counted again and again.
        """
        counted, lines, bare = self._counted
        low, high, sign = (counted, at, 1) if at >= counted else (at, counted, -1)
        found, with_cr = _line_ends(self._octets, low, high)
        lines += sign * found
        bare += sign * (found - with_cr)
        self._counted = (at, lines, bare)
        return _Count(lines, bare)


def _line_ends(octets: Octets, low: int, high: int) -> tuple[int, int]:
    """Return how many LF, and how many CRLF, there are between ``low`` and ``high``."""
    if isinstance(octets, bytes):
        return octets.count(b"\n", low, high), octets.count(b"\r\n", low, high)
    lines = with_cr = 0
    for start in range(low, high, _CHUNK):
        piece = octets[start : min(start + _CHUNK, high)]
        lines += piece.count(b"\n")
        with_cr += piece.count(b"\r\n")
        if start > low and piece[:1] == b"\n" and octets[start - 1] == 13:
            with_cr += 1  # cut between CR and LF
    return lines, with_cr


def _leaf(kind: _Kind, body: Span, before: _Count, after: _Count) -> Part:
    size = body.end - body.start + after.bare - before.bare
    return Part(*kind, Span(body.start, body.start), body, size, after.lines - before.lines)


def _boundary(parameters: Parameters) -> bytes:
    found = dict(parameters)
    if extended := found.get(b"boundary*"):
        return unquote_to_bytes(extended.rpartition(b"'")[2]).rstrip()
    return found.get(b"boundary", b"").rstrip()


def _content_type(fields: Mapping[bytes, bytes], default: _Kind) -> _Kind:
    """Return the type, or what RFC 2045 §5.2 says where it is missing or cannot be read."""
    body = fields.get(b"content-type")
    if body is None:
        return default
    value, parameters = parse_value(body)
    kind, _, subtype = value.partition(b"/")
    kind, subtype = kind.strip(), (subtype.split() or [b""])[0]
    if not _TOKEN.fullmatch(kind) or not _TOKEN.fullmatch(subtype):
        return _TEXT_PLAIN
    if kind == b"text" and not any(name in (b"charset", b"charset*") for name, _ in parameters):
        parameters = (*parameters, (b"charset", b"us-ascii"))
    return _Kind(kind, subtype, parameters)
