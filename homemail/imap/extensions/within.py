# SPDX-License-Identifier: MIT
"""WITHIN: SEARCH OLDER and YOUNGER (RFC 5032 §2)."""

from __future__ import annotations

from collections.abc import Callable

from homemail.imap.extension import Extension
from homemail.imap.grammar import Scanner, SyntaxTrouble
from homemail.model.search import Older, SearchKey, Younger


def _seconds_key(kind: type[Older] | type[Younger]) -> Callable[[Scanner], SearchKey]:
    def read(scanner: Scanner) -> SearchKey:
        scanner.space()
        seconds = scanner.number()
        if not 0 < seconds < 2**32:
            raise SyntaxTrouble("Expected seconds from 1 to 4294967295")
        return kind(seconds)

    return read


WITHIN = Extension(
    capability=b"WITHIN",
    search_keys={b"OLDER": _seconds_key(Older), b"YOUNGER": _seconds_key(Younger)},
)
