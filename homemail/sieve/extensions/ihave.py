# SPDX-License-Identifier: MIT
"""``ihave`` and ``error`` (RFC 5463)."""

from __future__ import annotations

from homemail.sieve.compiler import Compiler
from homemail.sieve.extension import CommandSpec, Extension, TestSpec
from homemail.sieve.interpret import Predicate, Run, RunError, Step
from homemail.sieve.syntax import Kind
from homemail.sieve.validate import Bound


def _ihave(bound: Bound, compiler: Compiler) -> Predicate:
    names = [compiler.constant(item, "an extension") for item in bound.strings(0).items]
    known = compiler.assume(names)
    return lambda run: known


def _error(bound: Bound, compiler: Compiler) -> Step:
    message, at = compiler.text(bound.string(0)), bound.at

    def error(run: Run) -> None:
        raise RunError(at, message.of(run))

    return error


IHAVE = Extension(
    name="ihave",
    commands={"error": CommandSpec((Kind.STRING,), build=_error)},
    tests={"ihave": TestSpec((Kind.STRINGS,), build=_ihave)},
)
