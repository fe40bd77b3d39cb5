# SPDX-License-Identifier: MIT
"""Tables that are lists of patterns, tried from the top: ``regexp:``, ``pcre:``, ``cidr:``.

::

    PATTERN result          the result where the pattern fits
    !PATTERN result         where it does not
    if PATTERN              the rules up to endif, only where it fits; if !PATTERN
    endif

``$1``, ``${1}`` and ``$(1)`` in a result are what the parentheses of the pattern matched; ``$$`` is
a dollar sign.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Protocol

from homemail.lookup.api import Found, Problem
from homemail.lookup.lines import BadLine, LogicalLine, logical_lines
from homemail.lookup.watched_table import WatchedContent

_REFERENCE = re.compile(r"\$(?:(\$)|(\d)|\{(\d{1,2})\}|\((\d{1,2})\))?")


class Pattern(Protocol):
    """``groups``: how many parts of a key a result may refer to."""

    @property
    def groups(self) -> int: ...

    def concerns(self, key: str) -> bool:
        """Whether ``key`` is of the kind that is matched at all; a "!" does not take in others."""

    def match(self, key: str) -> Sequence[str] | None:
        """Return the whole match and its groups, or None where the pattern does not fit."""


ReadPattern = Callable[[str], tuple[Pattern, str]]
"""The pattern at the start of a line, and the rest; raises ``ValueError``."""


@dataclass(frozen=True, slots=True)
class _Rule:
    pattern: Pattern
    negated: bool
    result: str
    where: str
    trusted: bool


@dataclass(slots=True)
class _Block:
    pattern: Pattern
    negated: bool
    rules: list[_Rule | _Block] = field(default_factory=list)
    line: int = 0


Rules = list[_Rule | _Block]


class RuleTable:
    """A table of patterns in a file."""

    is_pattern = True

    def __init__(self, name: str, path: Path, read_pattern: ReadPattern) -> None:
        self.name = name
        read = partial(read_rules, read_pattern=read_pattern)
        self._rules: WatchedContent[Rules] = WatchedContent(path, read)

    async def lookup(self, key: str) -> Found | None:
        return _first(self._rules.current(), key)

    async def problems(self) -> Sequence[Problem]:
        return self._rules.problems()

    def close(self) -> None:
        """Nothing is held open."""


def _first(rules: Rules, key: str) -> Found | None:
    for rule in rules:
        if not rule.pattern.concerns(key):
            continue
        groups = rule.pattern.match(key)
        if (groups is None) is not rule.negated:
            continue
        if isinstance(rule, _Rule):
            return _filled(rule, groups or ())
        found = _first(rule.rules, key)
        if found is not None:
            return found
    return None


def _filled(rule: _Rule, groups: Sequence[str]) -> Found:
    if "$" not in rule.result:
        return Found(rule.result, rule.where, trusted=rule.trusted)

    def part(match: re.Match[str]) -> str:
        if match[1]:
            return "$"
        return groups[int(match[2] or match[3] or match[4])]

    return Found(_REFERENCE.sub(part, rule.result), rule.where)


def read_rules(
    octets: bytes, path: Path, trusted: bool, *, read_pattern: ReadPattern
) -> tuple[Rules, list[Problem]]:
    """Return the rules in a table's text, and what is wrong with it."""
    top: Rules = []
    blocks: list[_Block] = []
    problems: list[Problem] = []
    for line in logical_lines(octets):
        if isinstance(line, BadLine):
            problems.append(Problem(line.text, path, line.number))
            continue
        here = blocks[-1].rules if blocks else top
        try:
            if line.whole.lower() == "endif":
                if not blocks:
                    raise ValueError('"endif" without its "if"')
                blocks.pop()
            elif re.match(r"if\b[^=]", line.whole, re.IGNORECASE):
                block = _block(line, read_pattern)
                here.append(block)
                blocks.append(block)
            else:
                here.append(_rule(line, path, trusted, read_pattern))
        except ValueError as error:
            problems.append(Problem(str(error), path, line.number))
    problems += [Problem('"if" without its "endif"', path, block.line) for block in blocks]
    return top, problems


def _block(line: LogicalLine, read_pattern: ReadPattern) -> _Block:
    text = line.whole[2:].lstrip()
    negated = text.startswith("!")
    pattern, rest = read_pattern(text.lstrip("!").lstrip())
    if rest.strip():
        raise ValueError(f'expected nothing behind the pattern, got "{rest.strip()[:40]}"')
    return _Block(pattern, negated, line=line.number)


def _rule(line: LogicalLine, path: Path, trusted: bool, read_pattern: ReadPattern) -> _Rule:
    text = line.whole
    negated = text.startswith("!")
    pattern, rest = read_pattern(text[1:].lstrip() if negated else text)
    result = rest.strip()
    if not result:
        raise ValueError("expected a result behind the pattern")
    highest = 0 if negated else pattern.groups
    for match in _REFERENCE.finditer(result):
        number = match[2] or match[3] or match[4]
        if not match[1] and number is None:
            raise ValueError('a "$" that no number follows; a plain dollar sign is written "$$"')
        if number is not None and not 1 <= int(number) <= highest:
            raise ValueError(f'"${number}": the pattern has {highest} groups that can be named')
    return _Rule(pattern, negated, result, f"{path}:{line.number}", trusted)
