# SPDX-License-Identifier: MIT
"""``addheader`` and ``deleteheader`` (RFC 5293).

Fields that tell the way of the message, or that it was written by a machine, stay as they are: to
change them does nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from email.header import Header

from homemail.message.header import Field, cut_fields, fields, unfold
from homemail.message.words import decode_words
from homemail.sieve.compiler import Compiler
from homemail.sieve.diagnostic import Wrong
from homemail.sieve.extension import CommandSpec, Extension, TagSpec
from homemail.sieve.interpret import Run, RunError, Step
from homemail.sieve.syntax import Kind
from homemail.sieve.validate import Bound

PROTECTED = frozenset(
    {"received", "return-path", "delivered-to", "x-original-to", "auto-submitted", "x-loop"}
)
LARGEST_HEADER = 1 << 20
LONGEST_VALUE = 20_000

_NAME = re.compile(r"[!-9;-~]{1,76}")
_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_FOLDED = re.compile(r"\r?\n[ \t]+")


def _name(text: str) -> str:
    if not _NAME.fullmatch(text):
        raise ValueError(f'"{text[:60]}" is not the name of a field')
    return text


def _value(text: str) -> str:
    plain = _FOLDED.sub(" ", text)
    if "\n" in plain or "\r" in plain or _CONTROLS.search(plain):
        raise ValueError("the value of a field must not hold line ends or control characters")
    if len(plain) > LONGEST_VALUE:
        raise ValueError("the value of a field is too long")
    return plain


def _as_field(name: str, value: str) -> bytes:
    charset = "us-ascii" if value.isascii() else "utf-8"
    body = Header(value, charset, header_name=name).encode(linesep="\r\n")
    return f"{name}: {body}\r\n".encode()


def _change(run: Run, at: int, change: Callable[[bytes], bytes]) -> None:
    header = run.message.header()
    run.spend(100 + (len(header) >> 6))
    new = change(header)
    if new == header:
        return
    if len(new) > LARGEST_HEADER:
        raise RunError(at, "the header is too long")
    run.edited_header = new
    run.message = run.message.with_header(new)
    run.kept = {}


def _add(bound: Bound, compiler: Compiler) -> Step:
    name = compiler.parsed(bound.string(0), _name)
    value = compiler.parsed(bound.string(1), _value)
    last, at = "last" in bound.tags, bound.at

    def add(run: Run) -> None:
        if name(run).lower() in PROTECTED:
            return
        field = _as_field(name(run), value(run))
        _change(run, at, lambda header: _at_the_end(header, field) if last else field + header)

    return add


def _at_the_end(header: bytes, field: bytes) -> bytes:
    for ending in (b"\r\n", b"\n"):
        if header == ending or header.endswith(b"\n" + ending):
            return header[: -len(ending)] + field + ending
    return header + (b"" if header.endswith(b"\n") or not header else b"\r\n") + field


def _delete(bound: Bound, compiler: Compiler) -> Step:
    name, at = compiler.parsed(bound.string(0), _name), bound.at
    values = bound.arguments[1]
    matcher = None if values is None else compiler.matcher(bound, bound.strings(1))
    index, last = bound.tag_number("index"), "last" in bound.tags
    if last and index is None:
        raise Wrong(bound.at, '":last" needs ":index"')
    if index is not None and index.value < 1:
        raise Wrong(index.at, "fields are counted from 1")
    number = index.value if index else 0

    def delete(run: Run) -> None:
        wanted = name(run).lower()
        if wanted in PROTECTED:
            return

        def without(header: bytes) -> bytes:
            chosen = [one for one in fields(header) if one.name == wanted.encode()]
            if number:
                place = len(chosen) - number if last else number - 1
                chosen = chosen[place : place + 1] if place >= 0 else []
            if matcher is not None:
                chosen = [one for one in chosen if matcher(run, [_text(header, one)])]
            return cut_fields(header, chosen)

        _change(run, at, without)

    return delete


def _text(header: bytes, field: Field) -> str:
    return decode_words(unfold(header[field.body : field.end]))


EDITHEADER = Extension(
    name="editheader",
    commands={
        "addheader": CommandSpec((Kind.STRING, Kind.STRING), tags={"last": TagSpec()}, build=_add),
        "deleteheader": CommandSpec(
            (Kind.STRING, Kind.STRINGS),
            tags={"index": TagSpec(Kind.NUMBER), "last": TagSpec()},
            optional_last=True,
            matches=True,
            build=_delete,
        ),
    },
)
