# SPDX-License-Identifier: MIT
"""Scripts in scripts: ``include``, ``return``, ``global`` (RFC 6609).

An included script has variables of its own; ``global`` and ``${global.name}`` are those that all
share. A script that is missing or wrong is an error when its turn comes, not before: it may be
written later.
"""

from __future__ import annotations

from collections.abc import Callable

from homemail.sieve.compiler import Compiler
from homemail.sieve.diagnostic import Wrong
from homemail.sieve.extension import CommandSpec, Extension, TagSpec
from homemail.sieve.extensions.variables import assign, variable_name
from homemail.sieve.interpret import Returned, Run, RunError, Step
from homemail.sieve.syntax import Kind
from homemail.sieve.validate import Bound

NOT_THERE = "there is no such script"


class _Inside(Exception):
    """An error in an included script, with line and column there."""


def included(body: Step, place: Callable[[int], tuple[int, int]]) -> Step:
    """Return a script's body as a step of another one."""

    def step(run: Run) -> None:
        outer, run.variables = run.variables, {}
        shared, run.shared = run.shared, set()
        try:
            body(run)
        except Returned:
            pass
        except RunError as error:
            line, column = place(error.at)
            raise _Inside(f"line {line}, column {column}: {error.text}") from error
        finally:
            run.variables, run.shared = outer, shared
            for name in shared:
                outer[name] = run.globals.get(name, "")

    return step


def _include(bound: Bound, compiler: Compiler) -> Step:
    name = compiler.constant(bound.string(0), "the name of a script")
    of_the_house, at = "global" in bound.tags, bound.at
    found = compiler.include(of_the_house, name)
    if found == NOT_THERE and "optional" in bound.tags:
        return lambda run: None
    if isinstance(found, str):
        text = f'"{name[:60]}" cannot be included: {found}'

        def fail(run: Run) -> None:
            raise RunError(at, text)

        return fail
    step, key, once = found, f"{of_the_house} {name}", "once" in bound.tags

    def include(run: Run) -> None:
        if once and key in run.included:
            return
        run.included.add(key)
        before = len(run.traced)
        try:
            step(run)
        except _Inside as error:
            raise RunError(at, f'in "{name[:60]}", {error}') from None
        finally:
            run.traced[before:] = [(at, action) for _, action in run.traced[before:]]

    return include


def _return(bound: Bound, compiler: Compiler) -> Step:
    def leave(run: Run) -> None:
        raise Returned

    return leave


def _global(bound: Bound, compiler: Compiler) -> Step:
    if "variables" not in compiler.required:
        raise Wrong(bound.at, '"global" needs: require "variables";')
    names = [variable_name(item, compiler) for item in bound.strings(0).items]
    at = bound.at

    def share(run: Run) -> None:
        run.shared.update(names)
        for name in names:
            assign(run, name, run.globals.get(name, ""), at)

    return share


_PLACE = "place of scripts"

INCLUDE = Extension(
    name="include",
    commands={
        "include": CommandSpec(
            (Kind.STRING,),
            tags={
                "personal": TagSpec(group=_PLACE),
                "global": TagSpec(group=_PLACE),
                "once": TagSpec(),
                "optional": TagSpec(),
            },
            build=_include,
        ),
        "return": CommandSpec(build=_return),
        "global": CommandSpec((Kind.STRINGS,), build=_global),
    },
)
