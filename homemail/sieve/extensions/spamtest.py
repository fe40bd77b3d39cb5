# SPDX-License-Identifier: MIT
"""``spamtest`` and ``virustest``: what filters in front of us found (RFC 5235)."""

from __future__ import annotations

from homemail.sieve.compiler import Compiler
from homemail.sieve.extension import Extension, TagSpec, TestSpec
from homemail.sieve.interpret import Predicate, Run
from homemail.sieve.syntax import Kind
from homemail.sieve.validate import Bound


def _spamtest(bound: Bound, compiler: Compiler) -> Predicate:
    matcher = compiler.matcher(bound, bound.strings(0))
    as_percent, is_count = "percent" in bound.tags, bound.match_type == "count"

    def spamtest(run: Run) -> bool:
        scores = run.surroundings.scores
        field = scores.spam_field.lower()
        sure = scores.spam(run.message.fields(field)) if field else None
        if sure is None:
            # What was not tested has no percentage, and counts as nothing (RFC 5235 §3.2.2).
            return matcher(run, [] if as_percent or is_count else ["0"])
        return matcher(run, [str(round(sure * 100))] if as_percent else [str(1 + round(sure * 9))])

    return spamtest


def _virustest(bound: Bound, compiler: Compiler) -> Predicate:
    matcher = compiler.matcher(bound, bound.strings(0))

    def virustest(run: Run) -> bool:
        scores = run.surroundings.scores
        field = scores.virus_field.lower()
        found = scores.virus(run.message.fields(field)) if field else 0
        return matcher(run, [str(found)])

    return virustest


_SPAMTEST = TestSpec((Kind.STRING,), matches=True, build=_spamtest)

SPAMTEST = Extension(name="spamtest", tests={"spamtest": _SPAMTEST})
SPAMTESTPLUS = Extension(
    name="spamtestplus", tests=SPAMTEST.tests, tags={"spamtest": {"percent": TagSpec()}}
)
VIRUSTEST = Extension(
    name="virustest",
    tests={"virustest": TestSpec((Kind.STRING,), matches=True, build=_virustest)},
)
