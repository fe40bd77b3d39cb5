# SPDX-License-Identifier: MIT
"""``inline:{ key=value, {key = more words} }`` and ``static:value``: tables in the settings."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from homemail.lookup.api import Found, Problem, fold

_ENTRY = re.compile(r"\{([^{}]*)\}|([^\s,{}]+)|([{}])")


class InlineTable:
    """A few entries."""

    is_pattern = False

    def __init__(self, name: str, entries: Mapping[str, str]) -> None:
        self.name = name
        self._entries = {
            fold(key): Found(value, "inline", trusted=True) for key, value in entries.items()
        }

    async def lookup(self, key: str) -> Found | None:
        return self._entries.get(fold(key))

    async def problems(self) -> Sequence[Problem]:
        return ()

    def close(self) -> None:
        """Nothing is held open."""


class StaticTable:
    """Every key has the same value."""

    is_pattern = True  # asked once for an address, not for each of its parts

    def __init__(self, name: str, value: str) -> None:
        self.name = name
        self._value = Found(value, "static", trusted=True)

    async def lookup(self, key: str) -> Found | None:
        return self._value

    async def problems(self) -> Sequence[Problem]:
        return ()

    def close(self) -> None:
        """Nothing is held open."""


def open_inline(name: str, source: str) -> InlineTable:
    """Return the table written in the settings; raises ``ValueError``."""
    text = source.strip()
    if not (text.startswith("{") and text.endswith("}")):
        raise ValueError('expected "inline:{ key=value, {key = more words} }"')
    entries: dict[str, str] = {}
    for match in _ENTRY.finditer(text[1:-1]):
        if match[3]:
            raise ValueError(f'a "{match[3]}" without its partner')
        key, equals, value = (match[1] if match[1] is not None else match[2]).partition("=")
        if not equals or not key.strip() or not value.strip():
            raise ValueError(f'expected "key=value", got "{match[0]}"')
        if fold(key.strip()) in map(fold, entries):
            raise ValueError(f'"{key.strip()}" is there twice')
        entries[key.strip()] = value.strip()
    if not entries:
        raise ValueError("a table without entries")
    return InlineTable(name, entries)


def open_static(name: str, source: str) -> StaticTable:
    """Return the table whose only value is ``source``; raises ``ValueError``."""
    braced = re.fullmatch(r"\{(.*)\}", source.strip(), re.DOTALL)
    value = (braced[1] if braced else source).strip()
    if not value:
        raise ValueError("expected a value: static:value")
    return StaticTable(name, value)
