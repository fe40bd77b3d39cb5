# SPDX-License-Identifier: MIT
"""``:index`` and ``:last`` pick one of several fields of a name (RFC 5260 §6)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from homemail.sieve.diagnostic import Wrong
from homemail.sieve.extension import Extension, Select, TagSpec
from homemail.sieve.syntax import Kind
from homemail.sieve.validate import Bound


def _by_index(bound: Bound) -> Select:
    number = bound.tag_number("index")
    if number is None:
        raise Wrong(bound.at, '":last" needs ":index"')
    if number.value < 1:
        raise Wrong(number.at, "fields are counted from 1")
    at, last = number.value, "last" in bound.tags

    def select(fields: Sequence[Any]) -> Sequence[Any]:
        if at > len(fields):
            return ()
        place = len(fields) - at if last else at - 1
        return fields[place : place + 1]

    return select


_TAGS = {"index": TagSpec(Kind.NUMBER, select=_by_index), "last": TagSpec(select=_by_index)}

INDEX = Extension(name="index", tags={"header": _TAGS, "address": _TAGS, "date": _TAGS})
