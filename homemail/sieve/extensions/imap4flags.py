# SPDX-License-Identifier: MIT
"""Flags for the filed message (RFC 5232)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import replace

from homemail.model.mailbox import SYSTEM_FLAGS, Flag
from homemail.sieve.action import Action, FileInto, Keep
from homemail.sieve.compiler import Compiler
from homemail.sieve.diagnostic import Wrong
from homemail.sieve.extension import Adjust, CommandSpec, Extension, TagSpec, TestSpec, Texts
from homemail.sieve.extensions.variables import assign, variable_name
from homemail.sieve.interpret import Predicate, Run, Step
from homemail.sieve.syntax import Kind, String
from homemail.sieve.validate import Bound

_KEYWORD = re.compile(r'[^\x00-\x20(){%*"\\\]\x7f-\U0010ffff]{1,250}')
"""An atom (RFC 3501 §9)."""

_Words = tuple[str, ...]


def split_flags(texts: Iterable[str]) -> _Words:
    """Return the flags in space-separated lists, each one once, in order."""
    words = {Flag(word): None for text in texts for word in text.split()}
    return tuple(words)


def valid_flags(words: Iterable[str]) -> frozenset[Flag]:
    """Return those that a message can be given; the others are ignored (RFC 5232 §2)."""
    flags = (Flag(word) for word in words)
    return frozenset(flag for flag in flags if flag in SYSTEM_FLAGS or _KEYWORD.fullmatch(flag))


def _variable(string: String, compiler: Compiler) -> str:
    if "variables" not in compiler.required:
        raise Wrong(string.at, 'a variable needs: require "variables";')
    return variable_name(string, compiler)


def _changing(change: Callable[[_Words, _Words], _Words]) -> Callable[[Bound, Compiler], Step]:
    """Return what builds the step of a command that makes new flags of old and given ones."""

    def build(bound: Bound, compiler: Compiler) -> Step:
        given, at = compiler.texts(bound.strings(1)), bound.at
        if bound.arguments[0] is None:

            def change_internal(run: Run) -> None:
                run.flags = valid_flags(change(tuple(run.flags), split_flags(given.of(run))))

            return change_internal
        name = _variable(bound.string(0), compiler)

        def change_variable(run: Run) -> None:
            old = split_flags([run.variables.get(name, "")])
            assign(run, name, " ".join(change(old, split_flags(given.of(run)))), at)

        return change_variable

    return build


def _has_flag(bound: Bound, compiler: Compiler) -> Predicate:
    split = None if bound.match_type == "count" else _split_keys
    matcher = compiler.matcher(bound, bound.strings(1), change=split)
    if bound.arguments[0] is None:
        return lambda run: matcher(run, tuple(run.flags))
    names = [_variable(item, compiler) for item in bound.strings(0).items]

    def has_flag(run: Run) -> bool:
        values = [word for name in names for word in split_flags([run.variables.get(name, "")])]
        return matcher(run, values)

    return has_flag


def _split_keys(keys: Texts) -> Texts:
    if keys.constant is not None:
        return Texts.fixed(split_flags(keys.constant))
    return Texts(None, lambda run: split_flags(keys.of(run)))


def _with_flags(bound: Bound, compiler: Compiler) -> Adjust:
    strings = bound.tag_strings("flags")
    texts = compiler.texts(strings) if strings else Texts.fixed(())

    def adjust(action: Action, run: Run) -> Action:
        if not isinstance(action, Keep | FileInto):
            return action
        return replace(action, flags=valid_flags(split_flags(texts.of(run))))

    return adjust


def _command(change: Callable[[_Words, _Words], _Words]) -> CommandSpec:
    return CommandSpec((Kind.STRING, Kind.STRINGS), optional_first=True, build=_changing(change))


_TAGS = {"flags": TagSpec(Kind.STRINGS, adjust=_with_flags)}

IMAP4FLAGS = Extension(
    name="imap4flags",
    commands={
        "setflag": _command(lambda old, given: given),
        "addflag": _command(lambda old, given: split_flags([*old, *given])),
        "removeflag": _command(lambda old, given: tuple(w for w in old if w not in given)),
    },
    tests={
        "hasflag": TestSpec(
            (Kind.STRINGS, Kind.STRINGS), optional_first=True, matches=True, build=_has_flag
        )
    },
    tags={"keep": _TAGS, "fileinto": _TAGS},
)
