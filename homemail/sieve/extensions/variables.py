# SPDX-License-Identifier: MIT
"""Variables: ``set``, the test ``string``, and ``${name}`` in strings (RFC 5229)."""

from __future__ import annotations

import re
from collections.abc import Callable
from urllib.parse import quote

from homemail.sieve.compiler import Compiler
from homemail.sieve.core.match import fold_ascii
from homemail.sieve.diagnostic import Wrong
from homemail.sieve.extension import CommandSpec, Extension, TagSpec, TestSpec, Text
from homemail.sieve.interpret import Predicate, Run, RunError, Step
from homemail.sieve.syntax import Kind, String
from homemail.sieve.validate import Bound

MOST_VARIABLES = 256
LONGEST_TEXT = 1_000_000
"""Characters of one string with its variables put in."""

_REFERENCE = re.compile(r"\$\{([0-9]+|[A-Za-z_][A-Za-z0-9_]*)((?:\.[A-Za-z0-9_]+)*)\}")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_HIGHEST_INDEX = 99
_GLOBAL = "global."

_Piece = Callable[[Run], str]


def _expand(text: str, at: int, required: frozenset[str]) -> str | Text:
    if "${" not in text:
        return text
    pieces = list(_pieces(text, at, required))
    if len(pieces) == 1 and not callable(pieces[0]):
        return text
    functions = tuple(piece if callable(piece) else _fixed(piece) for piece in pieces)

    def expand(run: Run) -> str:
        found = [function(run) for function in functions]
        length = sum(map(len, found))
        run.spend(len(found) + (length >> 8))
        if length > LONGEST_TEXT:
            raise RunError(at, "a string that is too long with its variables")
        return "".join(found)

    return Text(None, expand)


def _pieces(text: str, at: int, required: frozenset[str]) -> list[str | _Piece]:
    pieces: list[str | _Piece] = []
    last = 0
    for found in _REFERENCE.finditer(text):
        if found[2] and not _is_global(found[1] + found[2], required):
            raise Wrong(at, f'no extension gives "{found[0][:60]}" a meaning')
        if found.start() > last:
            pieces.append(text[last : found.start()])
        name = found[1] + found[2]
        pieces.append(_match_value(name, at) if name.isdigit() else _value(name))
        last = found.end()
    if last < len(text) or not pieces:
        pieces.append(text[last:])
    return pieces


def _is_global(name: str, required: frozenset[str]) -> bool:
    """Whether ``name`` is one in the namespace that scripts share (RFC 6609 §3.4.2)."""
    namespace, _, rest = name.lower().partition(".")
    return namespace == "global" and "include" in required and bool(_NAME.fullmatch(rest))


def _fixed(text: str) -> _Piece:
    return lambda run: text


def _value(name: str) -> _Piece:
    key = name.lower()
    if key.startswith(_GLOBAL):
        key = key.removeprefix(_GLOBAL)
        return lambda run: run.globals.get(key, "")
    return lambda run: run.variables.get(key, "")


def _match_value(digits: str, at: int) -> _Piece:
    stripped = digits.lstrip("0")
    if len(stripped) > 2:
        raise Wrong(at, f"match variables go up to {_HIGHEST_INDEX}")
    index = int(stripped or "0")
    return lambda run: run.match_values[index] if index < len(run.match_values) else ""


def variable_name(string: String, compiler: Compiler) -> str:
    """Return the key of the variable that a string names.

    Raises:
        Wrong: it is no name that can be set.
    """
    name = compiler.constant(string, "the name of a variable")
    if not _NAME.fullmatch(name) and not _is_global(name, compiler.required):
        raise Wrong(string.at, f'"{name[:60]}" is not the name of a variable')
    return name.lower()


def assign(run: Run, name: str, value: str, at: int) -> None:
    """Set a variable; a value that is too long is cut.

    Source: RFC 5229 §6.
    """
    known = run.globals if name.startswith(_GLOBAL) else run.variables
    key = name.removeprefix(_GLOBAL)
    if key not in known and len(known) >= MOST_VARIABLES:
        raise RunError(at, f"more than {MOST_VARIABLES} variables")
    limit = run.limits.variable_octets
    if len(value) > limit // 4:
        value = value.encode("utf-8", "replace")[:limit].decode("utf-8", "ignore")
    known[key] = value
    if key in run.shared:
        run.variables[key] = run.globals[key] = value


def _upper(text: str) -> str:
    return text.encode("utf-8", "surrogatepass").upper().decode("utf-8", "surrogatepass")


_MODIFIERS: dict[str, tuple[int, Callable[[str], str]]] = {
    "lower": (40, fold_ascii),
    "upper": (40, _upper),
    "lowerfirst": (30, lambda text: fold_ascii(text[:1]) + text[1:]),
    "upperfirst": (30, lambda text: _upper(text[:1]) + text[1:]),
    "quotewildcard": (20, lambda text: re.sub(r"([*?\\])", r"\\\1", text)),
    "encodeurl": (15, lambda text: quote(text, safe="-._~")),
    "length": (10, lambda text: str(len(text))),
}
"""The modifiers by name: precedence (the highest is done first) and what they do."""

ENCODE_URL = {"encodeurl": TagSpec(group="modifier of precedence 15")}
"""A modifier that ``enotify`` brings (RFC 5435 §6)."""


SET_TAGS = {
    tag: TagSpec(group=f"modifier of precedence {precedence}")
    for tag, (precedence, _) in _MODIFIERS.items()
    if tag not in ENCODE_URL
}


def modifiers_of(bound: Bound) -> tuple[Callable[[str], str], ...]:
    """Return what the modifiers of a command do, in their order (RFC 5229 §4.1)."""
    found = sorted(
        (_MODIFIERS[tag] for tag in bound.tags if tag in _MODIFIERS), key=lambda one: -one[0]
    )
    return tuple(modify for _, modify in found)


def _set(bound: Bound, compiler: Compiler) -> Step:
    name = variable_name(bound.string(0), compiler)
    value, at = compiler.text(bound.string(1)), bound.at
    modifiers = modifiers_of(bound)

    def assign_value(run: Run) -> None:
        text = value.of(run)
        for modify in modifiers:
            text = modify(text)
        assign(run, name, text, at)

    return assign_value


def _string(bound: Bound, compiler: Compiler) -> Predicate:
    sources = compiler.texts(bound.strings(0))
    matcher = compiler.matcher(bound, bound.strings(1))
    if bound.match_type != "count":
        return lambda run: matcher(run, sources.of(run))
    # An empty string does not count (RFC 5229 §5).
    return lambda run: matcher(run, [text for text in sources.of(run) if text])


VARIABLES = Extension(
    name="variables",
    commands={
        "set": CommandSpec(
            (Kind.STRING, Kind.STRING),
            tags=SET_TAGS,
            build=_set,
        )
    },
    tests={"string": TestSpec((Kind.STRINGS, Kind.STRINGS), matches=True, build=_string)},
    expand=_expand,
    captures=True,
)
