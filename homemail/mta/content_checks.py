# SPDX-License-Identifier: MIT
"""header_checks and body_checks: every field and every line of a message, looked up in tables.

Fields are looked up whole (``Subject: more money``), folded lines put together; lines of the body
without their end. The first table with an answer decides. What the answer may be is Postfix's
header_checks(5): ``REJECT``, ``WARN``, ``INFO``, ``HOLD``, ``DISCARD``, ``FILTER``, ``REDIRECT``,
``BCC``, ``PREPEND``, ``REPLACE``, ``STRIP``, ``IGNORE``, ``DUNNO`` (or ``OK``), ``PASS``.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from homemail.config.policy import PolicySettings
from homemail.errors import MailError
from homemail.log import Log
from homemail.lookup.maps import Maps, open_maps
from homemail.message.header import Octets, fields, unfold
from homemail.message.mime import Part, scan
from homemail.model.address import Address
from homemail.model.envelope import TraceId
from homemail.model.message import MessageContent, view
from homemail.model.reply import Reply
from homemail.mta.api import Hold
from homemail.mta.effect import Bcc, Discard, Effect, Filter, Redirect
from homemail.mta.smtp.spool import Spool

REJECTED = Reply(552, "5.7.1", "Error: content rejected")
_MISCONFIGURED = Reply(451, "4.3.5", "Server configuration error")
_UNAVAILABLE = Reply(451, "4.3.0", "Temporary lookup failure")
_ACTION = re.compile(r"(\S+)\s*(.*)", re.DOTALL)
_STATUS = re.compile(r"(?:([45]\d\d)\s+)?(?:([45]\.\d{1,3}\.\d{1,3})\s+)?(.*)", re.DOTALL)
_LINES_AT_ONCE = 500  # lookups after which others get their turn
_THREAD_FROM = 256 * 1024  # octets

_NO_MAPS = Maps("")

_log = Log("policy")


@dataclass(frozen=True, slots=True)
class _Piece:
    """A field or a line: where it stands with its line end, the key, whom to ask.

    ``ending`` is empty in the last line of a part: its line end belongs to the boundary.
    """

    start: int
    end: int
    key: str
    maps: Maps
    ending: bytes = b"\r\n"


@dataclass(frozen=True, slots=True)
class Seen:
    """What a look at the content came to: the content as it goes on, what to do beside."""

    content: MessageContent
    effects: tuple[Effect, ...] = ()


@dataclass(slots=True)
class _Found:
    """What the lookups have come to so far; ``edits`` are in order and do not overlap."""

    effects: list[Effect] = field(default_factory=list)
    edits: list[tuple[int, int, bytes]] = field(default_factory=list)


class ContentChecks:
    """The tables of every kind of check. False where there are none."""

    def __init__(self, settings: PolicySettings) -> None:
        """Open the tables.

        Raises:
            ConfigError: one cannot be used.
        """

        def tables(parameter: str) -> Maps:
            specs = getattr(settings, parameter)
            return open_maps(parameter, [one for one in specs if not one.startswith("$")])

        self._header = tables("header_checks")
        self._mime = tables("mime_header_checks")
        self._nested = tables("nested_header_checks")
        self._body = tables("body_checks")
        self._limit = settings.body_checks_size_limit

    def __bool__(self) -> bool:
        return bool(self._header or self._mime or self._nested or self._body)

    async def look(self, content: MessageContent, trace: TraceId, directory: Path) -> Seen | Reply:
        """Return the message as it goes on, or the reply that refuses it.

        What is changed is written anew below ``directory`` where it is large.

        Raises:
            MailError: it cannot be written.
        """
        octets = view(content)
        tree = await _scanned(octets)
        found = _Found()
        for number, piece in enumerate(self._pieces(octets, tree), 1):
            if not number % _LINES_AT_ONCE:
                await asyncio.sleep(0)
            value = await _look_up(piece, trace)
            if isinstance(value, Reply):
                return value
            if value is None:
                continue
            reply = _act(value, piece, found, trace)
            if isinstance(reply, Reply):
                return reply
            if reply:  # PASS: the rest is not looked at
                break
        changed = await _edited(octets, found.edits, directory) if found.edits else content
        return Seen(changed, tuple(found.effects))

    def _pieces(self, octets: Octets, top: Part) -> Iterator[_Piece]:
        """Yield every field and line, in the order of the message."""
        yield from self._part(octets, top, self._header)

    def _part(self, octets: Octets, part: Part, own: Maps) -> Iterator[_Piece]:
        if own or self._mime:
            yield from self._fields(octets, part, own)
        if part.is_message:
            yield from self._part(octets, part.children[0], self._nested)
        elif part.children:
            for child in part.children:
                yield from self._part(octets, child, _NO_MAPS)
        elif self._body:
            yield from self._lines(octets, part.body.start, part.body.end)

    def _fields(self, octets: Octets, part: Part, own: Maps) -> Iterator[_Piece]:
        header = bytes(octets[part.header.start : part.header.end])
        base = part.header.start
        for one in fields(header):
            maps = self._mime if _is_mime(one.name) else own
            if not maps:
                continue
            name = header[one.start : one.body].rstrip(b" \t:")
            key = name + b": " + unfold(header[one.body : one.end])
            yield _Piece(base + one.start, base + one.end, key.decode("utf-8", "replace"), maps)

    def _lines(self, octets: Octets, start: int, end: int) -> Iterator[_Piece]:
        block = bytes(octets[start : min(end, start + self._limit)])
        at = start
        for line in block.splitlines(keepends=True):
            key = line.rstrip(b"\r\n").decode("utf-8", "replace")
            ending = b"\r\n" if line.endswith(b"\n") else b""
            yield _Piece(at, at + len(line), key, self._body, ending)
            at += len(line)


def _is_mime(name: bytes) -> bool:
    return name.startswith(b"content-") or name == b"mime-version"


async def _scanned(octets: Octets) -> Part:
    if len(octets) < _THREAD_FROM:
        return scan(octets)
    return await asyncio.to_thread(scan, octets)


async def _look_up(piece: _Piece, trace: TraceId) -> str | Reply | None:
    try:
        return await piece.maps.lookup(piece.key)
    except MailError as error:
        _log.error("a check cannot be made", trace=trace, error=error, cause=error.__cause__)
        return _UNAVAILABLE


def _act(value: str, piece: _Piece, found: _Found, trace: TraceId) -> Reply | bool:
    """Do what a table wants of a piece; return the refusal, or whether to stop looking."""
    matched = _ACTION.match(value.strip())
    if matched is None:
        return _misconfigured(value, trace)
    word, text = matched[1].upper(), matched[2].strip()
    if word not in ("DUNNO", "OK"):
        _log.info(word.lower(), trace=trace, line=piece.key[:200], text=text)
    match word:
        case "DUNNO" | "OK" | "WARN" | "INFO":
            return False
        case "PASS":
            return True
        case "REJECT":
            return _refusal(text)
        case "IGNORE" | "STRIP":
            found.edits.append((piece.start, piece.end, b""))
        case "REPLACE" if text:
            found.edits.append((piece.start, piece.end, text.encode() + piece.ending))
        case "PREPEND" if text:
            found.edits.append((piece.start, piece.start, text.encode() + b"\r\n"))
        case _:
            effect = _effect(word, text)
            if effect is None:
                return _misconfigured(value, trace)
            found.effects.append(effect)
            return isinstance(effect, Discard)
    return False


def _refusal(text: str) -> Reply:
    parts = _STATUS.fullmatch(text)
    if not text or parts is None:
        return REJECTED
    code = int(parts[1] or (f"{parts[2][0]}50" if parts[2] else 550))
    status = parts[2] or f"{code // 100}.7.1"
    return Reply(code, f"{code // 100}{status[1:]}", parts[3] or REJECTED.text)


def _effect(word: str, text: str) -> Effect | None:
    match word:
        case "DISCARD":
            return Discard(text or "by a look at the content")
        case "HOLD":
            return Hold(text or "by a look at the content")
        case "FILTER" if ":" in text:
            return Filter(text)
        case "REDIRECT" | "BCC":
            try:
                to = Address.parse(text.strip("<>"))
            except ValueError:
                return None
            return Redirect(to) if word == "REDIRECT" else Bcc(to)
    return None


def _misconfigured(value: str, trace: TraceId) -> Reply:
    _log.error("a table's value cannot be used", trace=trace, value=value)
    return _MISCONFIGURED


async def _edited(
    octets: Octets, edits: Sequence[tuple[int, int, bytes]], directory: Path
) -> MessageContent:
    """Return the message with the ranges in ``edits`` replaced."""
    spool = Spool(directory, 0)
    try:
        at = 0
        for start, end, new in [*edits, (len(octets), len(octets), b"")]:
            while at < start:
                upto = min(start, at + _THREAD_FROM)
                spool.add(bytes(octets[at:upto]))
                at = upto
                if spool.is_full:
                    await spool.flush()
            spool.add(new)
            at = max(at, end)
        return await spool.content()
    finally:
        spool.close()
