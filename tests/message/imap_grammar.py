# SPDX-License-Identifier: MIT
"""A reader of the grammar of ENVELOPE and BODYSTRUCTURE (RFC 9051 §9), strict."""

from __future__ import annotations

import re

Value = None | int | bytes | list["Value"]

_QUOTED = re.compile(rb'"((?:[^\x00\r\n"\\\x80-\xff]|\\["\\])*)"')
_LITERAL = re.compile(rb"\{(\d+)\}\r\n")
_NUMBER = re.compile(rb"\d+")


def read(octets: bytes) -> Value:
    value, at = _read(octets, 0)
    assert at == len(octets), "octets after the value"
    return value


def _read(octets: bytes, at: int) -> tuple[Value, int]:
    if octets[at : at + 3] == b"NIL":
        return None, at + 3
    if found := _QUOTED.match(octets, at):
        return re.sub(rb"\\(.)", rb"\1", found[1]), found.end()
    if found := _LITERAL.match(octets, at):
        text = octets[found.end() : found.end() + int(found[1])]
        assert len(text) == int(found[1])
        assert b"\0" not in text
        return text, found.end() + len(text)
    if found := _NUMBER.match(octets, at):
        return int(found[0]), found.end()
    assert octets[at : at + 1] == b"(", octets[at : at + 40]
    at += 1
    items: list[Value] = []
    while octets[at : at + 1] != b")":
        if items and octets[at : at + 1] == b" ":
            at += 1
        elif items:
            assert octets[at : at + 1] == b"(", "values must be parted by a space"
            assert isinstance(items[-1], list)
        item, at = _read(octets, at)
        items.append(item)
    return items, at + 1


def _is_nstring(value: Value) -> bool:
    return value is None or isinstance(value, bytes)


def check_envelope(value: Value) -> None:
    assert isinstance(value, list)
    assert len(value) == 10
    assert all(_is_nstring(value[i]) for i in (0, 1, 8, 9))
    for addresses in value[2:8]:
        if addresses is None:
            continue
        assert isinstance(addresses, list)
        assert addresses
        for address in addresses:
            assert isinstance(address, list)
            assert len(address) == 4
            assert all(map(_is_nstring, address))


def check_body(value: Value, *, extended: bool) -> None:
    assert isinstance(value, list)
    assert value
    if isinstance(value[0], list):
        parts = [item for item in value if isinstance(item, list)]
        count = next(i for i, item in enumerate(value) if not isinstance(item, list))
        for part in parts[:count]:
            check_body(part, extended=extended)
        assert isinstance(value[count], bytes)
        rest = value[count + 1 :]
        assert len(rest) == (4 if extended else 0)
        if extended:
            _check_parameters(rest[0])
            _check_extension(rest[1:])
        return
    kind, subtype, parameters, part_id, description, encoding, size, *rest = value
    assert isinstance(kind, bytes)
    assert isinstance(subtype, bytes)
    _check_parameters(parameters)
    assert _is_nstring(part_id)
    assert _is_nstring(description)
    assert isinstance(encoding, bytes)
    assert isinstance(size, int)
    if kind == b"message" and subtype in (b"rfc822", b"global"):
        check_envelope(rest[0])
        check_body(rest[1], extended=extended)
        assert isinstance(rest[2], int)
        rest = rest[3:]
    elif kind == b"text":
        assert isinstance(rest[0], int)
        rest = rest[1:]
    assert len(rest) == (4 if extended else 0)
    if extended:
        assert _is_nstring(rest[0])
        _check_extension(rest[1:])


def _check_parameters(value: Value) -> None:
    if value is not None:
        assert isinstance(value, list)
        assert value
        assert len(value) % 2 == 0
        assert all(isinstance(item, bytes) for item in value)


def _check_extension(value: list[Value]) -> None:
    disposition, language, location = value
    if disposition is not None:
        assert isinstance(disposition, list)
        assert isinstance(disposition[0], bytes)
        _check_parameters(disposition[1])
        assert len(disposition) == 2
    assert _is_nstring(language) or isinstance(language, list)
    assert _is_nstring(location)
