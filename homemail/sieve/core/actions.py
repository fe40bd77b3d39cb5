# SPDX-License-Identifier: MIT
"""``keep``, ``discard``, ``redirect`` (RFC 5228 §4)."""

from __future__ import annotations

import re
from collections.abc import Callable

from homemail.model.address import Address
from homemail.sieve.action import Action, Discard, Keep, Redirect
from homemail.sieve.compiler import Compiler
from homemail.sieve.extension import CommandSpec, Extension
from homemail.sieve.interpret import Run, Step
from homemail.sieve.syntax import Kind
from homemail.sieve.validate import Bound

_NAMED = re.compile(r'(?:[^<>@,;:"\\]|"(?:[^"\\]|\\.)*")*<([^<>]+)>', re.DOTALL)


def parse_address(text: str) -> Address:
    """Return the address of ``a@b`` or ``Name <a@b>`` (RFC 5228 §2.4.2.3).

    Raises:
        ValueError: it is neither.
    """
    named = _NAMED.fullmatch(text.strip()) if len(text) <= 2000 else None
    try:
        return Address.parse(named[1].strip() if named else text.strip())
    except ValueError as error:
        raise ValueError(f'"{text[:100]}" is not an address: {error}') from None


def acting(bound: Bound, compiler: Compiler, make: Callable[[Run], Action]) -> Step:
    """Return the step that adds an action, as the tags of extensions change it."""
    adjusts = compiler.adjust(bound)
    at = bound.at

    def act(run: Run) -> None:
        action = make(run)
        for adjust in adjusts:
            action = adjust(action, run)
        run.add(action, at)

    return act


def _keep(bound: Bound, compiler: Compiler) -> Step:
    return acting(bound, compiler, lambda run: Keep(run.flags))


def _discard(bound: Bound, compiler: Compiler) -> Step:
    return acting(bound, compiler, lambda run: Discard())


def _redirect(bound: Bound, compiler: Compiler) -> Step:
    address = compiler.parsed(bound.string(0), parse_address)
    return acting(bound, compiler, lambda run: Redirect(address(run)))


ACTIONS = Extension(
    name="",
    commands={
        "keep": CommandSpec(build=_keep),
        "discard": CommandSpec(build=_discard),
        "redirect": CommandSpec((Kind.STRING,), build=_redirect),
    },
)
