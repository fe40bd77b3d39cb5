# SPDX-License-Identifier: MIT
"""``:value`` and ``:count`` compare by order and number (RFC 5231)."""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from typing import Any

from homemail.sieve.core.match import cost
from homemail.sieve.diagnostic import Wrong
from homemail.sieve.extension import Extension, Matcher, MatchParts, MatchType
from homemail.sieve.interpret import Run
from homemail.sieve.syntax import Kind

_RELATIONS: dict[str, Callable[[Any, Any], bool]] = {
    "gt": operator.gt,
    "ge": operator.ge,
    "lt": operator.lt,
    "le": operator.le,
    "eq": operator.eq,
    "ne": operator.ne,
}


def _relation(parts: MatchParts) -> Callable[[Any, Any], bool]:
    name = parts.value.constant if parts.value else None
    relation = _RELATIONS.get((name or "").lower())
    if relation is None:
        raise Wrong(parts.at, 'expected one of "gt", "ge", "lt", "le", "eq", "ne"')
    return relation


def _by_value(parts: MatchParts) -> Matcher:
    relation, key, keys = _relation(parts), parts.comparator.key, parts.keys

    def by_value(run: Run, values: Sequence[str]) -> bool:
        wanted = [key(text) for text in keys.of(run)]
        run.spend(cost(values, len(wanted)))
        return any(relation(key(value), want) for value in values for want in wanted)

    return by_value


def _by_count(parts: MatchParts) -> Matcher:
    relation, key, keys = _relation(parts), parts.comparator.key, parts.keys

    def by_count(run: Run, values: Sequence[str]) -> bool:
        count = key(str(len(values)))
        wanted = keys.of(run)
        run.spend(1 + len(wanted))
        return any(relation(count, key(text)) for text in wanted)

    return by_count


RELATIONAL = Extension(
    name="relational",
    match_types={
        "value": MatchType(_by_value, Kind.STRING),
        "count": MatchType(_by_count, Kind.STRING),
    },
)
