# SPDX-License-Identifier: MIT
"""The test ``duplicate``: whether such a message has come before (RFC 7352)."""

from __future__ import annotations

from collections.abc import Callable

from homemail.sieve.action import Seen
from homemail.sieve.compiler import Compiler
from homemail.sieve.core.match import fold_ascii
from homemail.sieve.extension import Extension, TagSpec, TestSpec
from homemail.sieve.interpret import Predicate, Run
from homemail.sieve.syntax import Kind
from homemail.sieve.validate import Bound

_DEFAULT_SECONDS = 7 * 86_400
_LONGEST_SECONDS = 365 * 86_400
_LOOK = 100  # the work of one look into the memory


def _unique_id(bound: Bound, compiler: Compiler) -> Callable[[Run], str | None]:
    """Return what tells a message from others; None where it has nothing to tell."""
    if given := bound.tag_string("uniqueid"):
        text = compiler.text(given)
        return lambda run: f"uniqueid\0{text.of(run)}"
    named = bound.tag_string("header")
    name = compiler.text(named) if named else None

    def of_field(run: Run) -> str | None:
        wanted = fold_ascii(name.of(run)) if name else "message-id"
        bodies = run.message.fields(wanted)
        return f"header\0{wanted}\0{bodies[0]}" if bodies and bodies[0] else None

    return of_field


def _duplicate(bound: Bound, compiler: Compiler) -> Predicate:
    unique_id = _unique_id(bound, compiler)
    given = bound.tag_string("handle")
    handle = compiler.text(given) if given else None
    wanted = bound.tag_number("seconds")
    seconds = min(wanted.value if wanted else _DEFAULT_SECONDS, _LONGEST_SECONDS)
    last = "last" in bound.tags

    def duplicate(run: Run) -> bool:
        found = unique_id(run)
        if found is None:
            return False
        key = f"{handle.of(run) if handle else ''}\0{found}"
        run.spend(_LOOK)
        was_seen = run.surroundings.was_seen(key, seconds)
        if last or not was_seen:
            run.seen[key] = Seen(key, seconds)
        return was_seen

    return duplicate


DUPLICATE = Extension(
    name="duplicate",
    tests={
        "duplicate": TestSpec(
            tags={
                "handle": TagSpec(Kind.STRING),
                "header": TagSpec(Kind.STRING, group="source of the id"),
                "uniqueid": TagSpec(Kind.STRING, group="source of the id"),
                "seconds": TagSpec(Kind.NUMBER),
                "last": TagSpec(),
            },
            build=_duplicate,
        )
    },
)
