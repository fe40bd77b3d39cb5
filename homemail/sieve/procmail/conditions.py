# SPDX-License-Identifier: MIT
"""Conditions as Sieve tests: a pattern for a line of the header becomes a test of its field."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

ANY_FIELD = ("from", "to", "cc", "subject", "sender", "reply-to", "list-id", "x-mailing-list")
"""What is looked at where a condition names no field: Sieve cannot look at all of them."""

_TO_FIELDS = ("to", "cc", "bcc", "resent-to", "resent-cc", "apparently-to", "x-envelope-to")
_ADDRESS_FIELDS = frozenset({"from", "sender", "reply-to", *_TO_FIELDS})
_SIZE = re.compile(r"([<>])\s*(\d+)\s*$")
_VARIABLE = re.compile(r"(\w+)\s*\?\?\s*(.*)$", re.DOTALL)
_NAMED = re.compile(
    r"\^\(?(?P<names>[A-Za-z][\w-]*(?:\|[A-Za-z][\w-]*)*)\)?(?P<colon>:?)(?P<rest>.*)$", re.DOTALL
)
_META = re.compile(r"[][.*+?^$(){}|\\]")
_START = re.compile(r"(?:\[ \t\]\*|\[\s*\]\*|\\s\*|[ \t]*)(?P<any>\.\*)?")
_REFERENCE = re.compile(r"\$(?:(\w+)|\{(\w+)\})")


class CannotTurn(Exception):
    """There is no such test in Sieve."""


@dataclass(slots=True)
class Around:
    """What a condition may need: the variables that are known, the extensions it asks for."""

    variables: Mapping[str, str]
    needs: set[str] = field(default_factory=set)
    remarks: list[str] = field(default_factory=list)


def quoted(text: str) -> str:
    """Return a Sieve string."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def strings(texts: tuple[str, ...]) -> str:
    """Return a Sieve string, or a list where there are several."""
    if len(texts) == 1:
        return quoted(texts[0])
    return "[" + ", ".join(map(quoted, texts)) + "]"


def all_of(tests: list[str], word: str = "allof") -> str:
    """Return one test made of several."""
    return tests[0] if len(tests) == 1 else f"{word} ({', '.join(tests)})"


def turn_condition(text: str, flags: frozenset[str], around: Around) -> str:
    """Return the test that a condition means.

    Raises:
        CannotTurn: Sieve has none.
    """
    if text.startswith("!"):
        return f"not {turn_condition(text[1:].strip(), flags, around)}"
    if text.startswith("$"):
        return turn_condition(filled(text[1:].strip(), around), flags, around)
    if text.startswith("?"):
        raise CannotTurn("it asks a program")
    if re.match(r"-?[\d.]+\^", text):
        raise CannotTurn("it counts points")
    if size := _SIZE.match(text):
        return f"size {':under' if size[1] == '<' else ':over'} {size[2]}"
    comparator = ' :comparator "i;octet"' if "D" in flags else ""
    if variable := _VARIABLE.match(text):
        return _of_variable(variable[1], variable[2], comparator, around)
    pattern = text.removeprefix("\\") if re.match(r"\\[!$?<>*]", text) else text
    tests = []
    if "H" in flags or "B" not in flags:
        tests.append(_of_header(pattern, comparator, around))
    if "B" in flags:
        around.needs.add("body")
        tests.append(f"body{comparator} {_match(pattern, around)}")
    return all_of(tests, "anyof")


def filled(text: str, around: Around) -> str:
    """Return ``text`` with the variables that are known.

    Raises:
        CannotTurn: one is not.
    """

    def value(found: re.Match[str]) -> str:
        name = found[1] or found[2]
        if name not in around.variables:
            raise CannotTurn(f"${name} is not known here")
        return around.variables[name]

    if "`" in text:
        raise CannotTurn("it runs a program")
    return _REFERENCE.sub(value, text)


def _of_variable(name: str, pattern: str, comparator: str, around: Around) -> str:
    if name in ("H", "B", "HB", "BH"):
        return turn_condition(pattern, frozenset(name), around)
    if name not in around.variables:
        raise CannotTurn(f"${name} is not known here")
    around.needs.add("variables")
    value = quoted(around.variables[name])
    return f"string{comparator} {_match(pattern, around, value)}"


def _of_header(pattern: str, comparator: str, around: Around) -> str:
    for word in ("^TO_", "^TO"):
        if pattern.startswith(word) and (word == "^TO_" or pattern[3:4].islower()):
            rest = _match(pattern[len(word) :], around, strings(_TO_FIELDS))
            return f"address{comparator} {rest}"
    if pattern.startswith(("^FROM_DAEMON", "^FROM_MAILER")):
        return _from_daemon(around)
    named = _NAMED.match(pattern)
    if named is None:
        if pattern.startswith("^"):
            raise CannotTurn("it looks for more than a field's name")
        around.remarks.append(f"looks at these fields only: {', '.join(ANY_FIELD)}")
        return f"header{comparator} {_match(pattern, around, strings(ANY_FIELD))}"
    names = tuple(dict.fromkeys(name.lower() for name in named["names"].split("|")))
    rest = named["rest"]
    if not named["colon"] and not rest.startswith(".*"):
        raise CannotTurn("it looks for more than a field's name")
    if rest in ("", ".*"):
        return f"exists {strings(names)}"
    start = _START.match(rest)
    is_anywhere = start is not None and start["any"] is not None
    rest = rest[start.end() :] if start else rest
    if names == ("from",) and not named["colon"]:
        # procmail also sees the line "From " in front of the message.
        around.needs.add("envelope")
        match = _match(rest, around, '"from"', anywhere=is_anywhere)
        return f"anyof (address{comparator} {match}, envelope{comparator} {match})"
    match = _match(rest, around, strings(names), anywhere=is_anywhere)
    is_address = is_anywhere and match.startswith(":contains") and set(names) <= _ADDRESS_FIELDS
    return f"{'address' if is_address and '@' in rest else 'header'}{comparator} {match}"


def _from_daemon(around: Around) -> str:
    around.remarks.append("stands for ^FROM_DAEMON; vacation has such guards of its own")
    around.needs.add("envelope")
    tests = [
        'envelope :is "from" ""',
        'exists ["list-id", "mailing-list", "x-mailing-list"]',
        'header :is "precedence" ["junk", "bulk", "list"]',
        'header :contains "from" ["daemon", "postmaster", "majordomo", "listserv", "-request"]',
    ]
    return all_of(tests, "anyof")


def _match(pattern: str, around: Around, source: str = "", *, anywhere: bool = True) -> str:
    """Return match type, source and key: ``:contains`` where a plain text is looked for."""
    pattern = re.sub(r"^\.\*|\.\*$", "", pattern) if anywhere else re.sub(r"\.\*$", "", pattern)
    plain = _plain(pattern)
    if plain is not None and not plain.strip():
        raise CannotTurn("it looks for nothing")
    source = f" {source}" if source else ""
    if plain is not None and anywhere:
        return f":contains{source} {quoted(plain)}"
    if plain is not None:
        wildcard = re.sub(r"([*?\\])", r"\\\1", plain)
        return f":matches{source} {quoted(wildcard + '*')}"
    if re.search(r"\\[<>/]", pattern):
        pattern = re.sub(r"\\[<>]", "", pattern)
        around.remarks.append("the marks of words \\< and \\> are left out")
        if "\\/" in pattern:
            raise CannotTurn("it cuts out a part of what it finds")
    around.needs.add("regex")
    return f":regex{source} {quoted(pattern if anywhere else '^' + pattern)}"


def _plain(pattern: str) -> str | None:
    """Return the text that a pattern stands for, or None where it is more than a text."""
    without = re.sub(r"\\([^\w\s<>/])", "", pattern)
    if _META.search(without):
        return None
    return re.sub(r"\\(.)", r"\1", pattern)
