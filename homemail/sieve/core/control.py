# SPDX-License-Identifier: MIT
"""``stop`` and the tests that make tests of tests (RFC 5228 §3.3, RFC 5228 §5)."""

from __future__ import annotations

from homemail.sieve.compiler import Compiler
from homemail.sieve.extension import CommandSpec, Extension, TestSpec, TestsWanted
from homemail.sieve.interpret import Predicate, Run, Step, Stopped
from homemail.sieve.validate import Bound


def _stop(bound: Bound, compiler: Compiler) -> Step:
    def stop(run: Run) -> None:
        raise Stopped

    return stop


def _all_of(bound: Bound, compiler: Compiler) -> Predicate:
    predicates = tuple(compiler.test(test) for test in bound.tests)

    def all_of(run: Run) -> bool:
        return all(predicate(run) for predicate in predicates)

    return all_of


def _any_of(bound: Bound, compiler: Compiler) -> Predicate:
    predicates = tuple(compiler.test(test) for test in bound.tests)

    def any_of(run: Run) -> bool:
        return any(predicate(run) for predicate in predicates)

    return any_of


def _not(bound: Bound, compiler: Compiler) -> Predicate:
    predicate = compiler.test(bound.tests[0])
    return lambda run: not predicate(run)


CONTROL = Extension(
    name="",
    commands={"stop": CommandSpec(build=_stop)},
    tests={
        "allof": TestSpec(tests=TestsWanted.SOME, build=_all_of),
        "anyof": TestSpec(tests=TestsWanted.SOME, build=_any_of),
        "not": TestSpec(tests=TestsWanted.ONE, build=_not),
        "true": TestSpec(build=lambda bound, compiler: lambda run: True),
        "false": TestSpec(build=lambda bound, compiler: lambda run: False),
    },
)
