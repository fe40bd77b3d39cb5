# SPDX-License-Identifier: MIT
"""``reject`` and ``ereject`` (RFC 5429)."""

from __future__ import annotations

from collections.abc import Callable

from homemail.sieve.action import Reject
from homemail.sieve.compiler import Compiler
from homemail.sieve.core.actions import acting
from homemail.sieve.extension import CommandSpec, Extension
from homemail.sieve.interpret import Step
from homemail.sieve.syntax import Kind
from homemail.sieve.validate import Bound


def _rejecting(*, prefer_reply: bool) -> Callable[[Bound, Compiler], Step]:
    def build(bound: Bound, compiler: Compiler) -> Step:
        reason = compiler.text(bound.string(0))
        return acting(bound, compiler, lambda run: Reject(reason.of(run), prefer_reply))

    return build


REJECT = Extension(
    name="reject",
    commands={"reject": CommandSpec((Kind.STRING,), build=_rejecting(prefer_reply=False))},
)
EREJECT = Extension(
    name="ereject",
    commands={"ereject": CommandSpec((Kind.STRING,), build=_rejecting(prefer_reply=True))},
)
