# SPDX-License-Identifier: MIT
"""The test ``environment`` (RFC 5183)."""

from __future__ import annotations

from homemail import __version__
from homemail.sieve.compiler import Compiler
from homemail.sieve.extension import Extension, TestSpec
from homemail.sieve.interpret import Predicate, Run
from homemail.sieve.syntax import Kind
from homemail.sieve.validate import Bound

# A script runs in the course of final delivery, and nowhere else.
_ALWAYS = {"name": "homemail", "version": __version__, "location": "MDA", "phase": "during"}


def _environment(bound: Bound, compiler: Compiler) -> Predicate:
    name = compiler.text(bound.string(0))
    matcher = compiler.matcher(bound, bound.strings(1))

    def environment(run: Run) -> bool:
        item = name.of(run)
        value = _ALWAYS.get(item, run.surroundings.environment.get(item))
        return value is not None and matcher(run, [value])

    return environment


ENVIRONMENT = Extension(
    name="environment",
    tests={"environment": TestSpec((Kind.STRING, Kind.STRINGS), matches=True, build=_environment)},
)
