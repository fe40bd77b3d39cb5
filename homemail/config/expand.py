# SPDX-License-Identifier: MIT
"""``$name`` in texts, as in Postfix.

=========================  ===================================================================
``$name`` ``${name}``      the value of ``name``
``${name?text}``           ``text`` where the value is not empty, else nothing
``${name:text}``           ``text`` where the value is empty, else nothing
``${name?{text}:{other}}`` the one or the other
``$$``                     a dollar sign
=========================  ===================================================================

``$(name)`` is ``${name}``; ``text`` may hold names again.
"""

from __future__ import annotations

import re
from collections.abc import Callable

ValueOf = Callable[[str], str | None]
_NAME = re.compile(r"[A-Za-z0-9_]+")
_CLOSING = {"{": "}", "(": ")"}


def expand(text: str, value_of: ValueOf, *, partly: bool = False) -> str:
    """Return ``text`` with every name filled in by ``value_of``.

    ``partly``: a name for which ``value_of`` answers None stays, to be filled in by a second call.

    Raises:
        ValueError: a ``$`` that begins no name, a brace that is not closed, an unknown name.
    """
    pieces: list[str] = []
    at = 0
    while (dollar := text.find("$", at)) >= 0:
        pieces.append(text[at:dollar])
        piece, at = _one(text, dollar + 1, value_of, partly)
        pieces.append(piece)
    return "".join(pieces) + text[at:]


def _one(text: str, at: int, value_of: ValueOf, partly: bool) -> tuple[str, int]:
    """Return what the name after the dollar sign before ``at`` becomes, and where it ends."""
    if text.startswith("$", at):
        return ("$$" if partly else "$"), at + 1
    if match := _NAME.match(text, at):
        return _value(match[0], value_of, partly), match.end()
    if at >= len(text) or text[at] not in _CLOSING:
        raise ValueError('a "$" that no name follows; a plain dollar sign is written "$$"')
    end = _closing(text, at)
    inner = text[at + 1 : end]
    match = _NAME.match(inner)
    if not match:
        raise ValueError(f'no name in "${text[at : end + 1]}"')
    name, rest = match[0], inner[match.end() :]
    if not rest:
        return _value(name, value_of, partly), end + 1
    return _choose(name, rest, value_of, partly), end + 1


def _value(name: str, value_of: ValueOf, partly: bool) -> str:
    value = value_of(name)
    if value is not None:
        return value.replace("$", "$$") if partly else value
    if partly:
        return f"${{{name}}}"
    raise ValueError(f'unknown name "${name}"')


def _choose(name: str, rest: str, value_of: ValueOf, partly: bool) -> str:
    filled, empty = _branches(name, rest)
    value = value_of(name)
    if value is not None:
        return expand(filled if value else empty, value_of, partly=partly)
    if not partly:
        raise ValueError(f'unknown name "${name}"')
    filled, empty = (expand(branch, value_of, partly=True) for branch in (filled, empty))
    return f"${{{name}?{{{filled}}}:{{{empty}}}}}"


def _branches(name: str, rest: str) -> tuple[str, str]:
    """Return the texts for a value and for none in ``?text``, ``:text``, ``?{text}:{other}``."""
    if rest[0] not in "?:":
        raise ValueError(f'expected "?" or ":" after "${{{name}"')
    if not rest.startswith("{", 1):
        return (rest[1:], "") if rest[0] == "?" else ("", rest[1:])
    end = _closing(rest, 1)
    text, other = rest[2:end], rest[end + 1 :]
    if rest[0] == ":" and not other:
        return "", text
    if rest[0] == "?" and not other:
        return text, ""
    if rest[0] == "?" and other[0] == ":":
        braced = other.startswith("{", 1) and _closing(other, 1) == len(other) - 1
        return text, other[2:-1] if braced else other[1:]
    raise ValueError(f'cannot read "{rest}" after "${{{name}"')


def _closing(text: str, at: int) -> int:
    """Return where the brace that opens at ``at`` is closed."""
    opening, closing = text[at], _CLOSING[text[at]]
    depth = 0
    for position in range(at, len(text)):
        depth += (text[position] == opening) - (text[position] == closing)
        if not depth:
            return position
    raise ValueError(f'"{opening}" is not closed')
