# SPDX-License-Identifier: MIT
"""``:list``: keys and addresses that are kept outside of the script (RFC 6134).

A list is an address book of the owner's: ``:addrbook:default``, ``:addrbook:friends``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from urllib.parse import unquote

from homemail.model.address import Address
from homemail.sieve.action import Redirect
from homemail.sieve.compiler import Compiler
from homemail.sieve.core.actions import ACTIONS, acting, parse_address
from homemail.sieve.diagnostic import Wrong
from homemail.sieve.extension import (
    CommandSpec,
    Extension,
    Matcher,
    MatchParts,
    MatchType,
    TagSpec,
    TestSpec,
)
from homemail.sieve.interpret import Predicate, Run, RunError, Step
from homemail.sieve.syntax import Kind
from homemail.sieve.validate import Bound

_URN = "urn:ietf:params:sieve:"
_BOOK = "addrbook:"
_LOOK = 100  # the work of one look at a list


def list_name(text: str) -> str | None:
    """Return the name of the address book that a URI means; None where it means none.

    Source: RFC 6134 §2.5.
    """
    uri = _URN + text[1:] if text.startswith(":") else text
    if uri[: len(_URN) + len(_BOOK)].lower() != _URN + _BOOK:
        return None
    name = unquote(uri[len(_URN) + len(_BOOK) :].partition("?")[0])
    return "default" if name.lower() == "default" else name or None


def _members(run: Run, uri: str) -> Sequence[str] | None:
    run.spend(_LOOK)
    name = list_name(uri)
    found = run.surroundings.members(name) if name else None
    if found is None and name == "default":
        return ()  # nobody has to have an address book
    return found


def _listed(parts: MatchParts) -> Matcher:
    if parts.named:
        raise Wrong(parts.at, '":list" takes no comparator')
    keys, at, captures = parts.keys, parts.at, parts.captures

    def listed(run: Run, values: Sequence[str]) -> bool:
        wanted = {value.strip().casefold() for value in values}
        for uri in keys.of(run):
            members = _members(run, uri)
            if members is None:
                raise RunError(at, f'there is no list "{uri[:100]}"')
            run.spend(len(members) >> 3)
            for member in members:
                if member.casefold() in wanted:
                    if captures:
                        run.match_values = (member,)
                    return True
        return False

    return listed


def _valid(bound: Bound, compiler: Compiler) -> Predicate:
    names = compiler.texts(bound.strings(0))
    return lambda run: all(_members(run, uri) is not None for uri in names.of(run))


def _redirect(bound: Bound, compiler: Compiler) -> Step:
    if "list" not in bound.tags:
        return ACTIONS.commands["redirect"].build(bound, compiler)
    name, at = compiler.text(bound.string(0)), bound.string(0).at

    def redirect(run: Run) -> None:
        members = _members(run, name.of(run))
        if members is None:
            raise RunError(at, f'there is no list "{name.of(run)[:100]}"')
        for member in members:
            try:
                address = parse_address(member)
            except ValueError as error:
                raise RunError(at, str(error)) from None
            step = acting(bound, compiler, _to(address))
            step(run)

    return redirect


def _to(address: Address) -> Callable[[Run], Redirect]:
    return lambda run: Redirect(address)


EXTLISTS = Extension(
    name="extlists",
    commands={
        "redirect": CommandSpec((Kind.STRING,), tags={"list": TagSpec()}, build=_redirect),
    },
    tests={"valid_ext_list": TestSpec((Kind.STRINGS,), build=_valid)},
    match_types={"list": MatchType(_listed)},
)
