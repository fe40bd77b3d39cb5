# SPDX-License-Identifier: MIT
"""The test ``body`` (RFC 5173)."""

from __future__ import annotations

from homemail.sieve.compiler import Compiler
from homemail.sieve.core.match import fold_ascii
from homemail.sieve.extension import Extension, TagSpec, TestSpec
from homemail.sieve.interpret import Predicate, Run
from homemail.sieve.syntax import Kind
from homemail.sieve.validate import Bound

_TRANSFORM = "body transform"


def _body(bound: Bound, compiler: Compiler) -> Predicate:
    # Matches in the body set no match values: they could be of any size (RFC 5173 §6).
    matcher = compiler.matcher(bound, bound.strings(0), captures=False)
    if "raw" in bound.tags:
        return lambda run: matcher(run, [run.message.raw_body()])
    strings = bound.tag_strings("content")
    if strings is None:
        return lambda run: matcher(run, run.message.body_parts(("text",)))
    types = compiler.texts(strings)

    def content(run: Run) -> bool:
        return matcher(run, run.message.body_parts([fold_ascii(name) for name in types.of(run)]))

    return content


BODY = Extension(
    name="body",
    tests={
        "body": TestSpec(
            (Kind.STRINGS,),
            tags={
                "raw": TagSpec(group=_TRANSFORM),
                "content": TagSpec(Kind.STRINGS, group=_TRANSFORM),
                "text": TagSpec(group=_TRANSFORM),
            },
            matches=True,
            build=_body,
        )
    },
)
