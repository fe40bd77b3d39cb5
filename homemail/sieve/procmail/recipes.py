# SPDX-License-Identifier: MIT
"""A procmailrc as a list of recipes, assignments and comments (procmailrc(5))."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

_HEAD = re.compile(r":\d*\s*(?P<flags>[HBDaAeEhbfcwWir\s]*)(?P<lock>:.*)?$")
_ASSIGNMENT = re.compile(r"(?P<name>[A-Za-z_]\w*)\s*=\s*(?P<value>.*)$")
_DEEPEST = 20


@dataclass(frozen=True, slots=True)
class Comment:
    """A line of its own; ``text`` without the ``#``."""

    line: int
    text: str


@dataclass(frozen=True, slots=True)
class Assignment:
    """``name=value``, with the quotes of the value taken off."""

    line: int
    name: str
    value: str


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A line that is no part of a recipe."""

    line: int
    text: str


@dataclass(slots=True)
class Recipe:
    """``:0 flags``, conditions, and an action or a block."""

    line: int
    flags: frozenset[str]
    conditions: list[tuple[int, str]] = field(default_factory=list)
    action: str = ""
    block: list[Item] | None = None
    source: list[str] = field(default_factory=list)


Item = Comment | Assignment | Unreadable | Recipe


def read_recipes(text: str) -> list[Item]:
    """Return what ``text`` holds, in order; nothing is refused."""
    return _Reader(_logical_lines(text)).items(0)


def _logical_lines(text: str) -> list[tuple[int, str]]:
    """Return the lines with their numbers; a backslash at the end joins the next one."""
    lines: list[tuple[int, str]] = []
    held, start = "", 0
    for number, line in enumerate(text.replace("\r\n", "\n").split("\n"), 1):
        start = start or number
        if line.endswith("\\") and not held.lstrip().startswith("#"):
            held += line[:-1] + "\n"
            continue
        lines.append((start, held + line))
        held, start = "", 0
    if held:
        lines.append((start, held))
    return lines


class _Reader:
    def __init__(self, lines: list[tuple[int, str]]) -> None:
        self._lines = lines
        self._at = 0

    def items(self, depth: int) -> list[Item]:
        found: list[Item] = []
        while self._at < len(self._lines):
            number, raw = self._lines[self._at]
            line = raw.strip()
            self._at += 1
            if line == "}" and depth:
                break
            if line.startswith(":") and (head := _HEAD.match(_without_comment(line))):
                found.append(self._recipe(number, line, head, depth))
            elif item := _simple(number, line):
                found.append(item)
        return found

    def _recipe(self, number: int, line: str, head: re.Match[str], depth: int) -> Recipe:
        recipe = Recipe(number, frozenset(head["flags"].replace(" ", "")), source=[line])
        while self._at < len(self._lines):
            at, raw = self._lines[self._at]
            line = raw.strip()
            self._at += 1
            if line and not line.startswith("#"):
                recipe.source.append(line)
            if line.startswith("*"):
                recipe.conditions.append((at, line[1:].strip()))
            elif line.startswith("{") and depth < _DEEPEST:
                recipe.block = self._block(line[1:].strip(), at, depth)
                break
            elif line and not line.startswith("#"):
                recipe.action = line
                break
        return recipe

    def _block(self, rest: str, at: int, depth: int) -> list[Item]:
        if rest.endswith("}"):
            inside = rest[:-1].strip()
            item = _simple(at, inside) if inside else None
            return [item] if item else []
        found = self.items(depth + 1)
        item = _simple(at, rest) if rest else None
        return [item, *found] if item else found


def _simple(number: int, line: str) -> Item | None:
    if not line:
        return None
    if line.startswith("#"):
        return Comment(number, line.lstrip("#").strip())
    if found := _ASSIGNMENT.match(_without_comment(line)):
        return Assignment(number, found["name"], _unquoted(found["value"]))
    return Unreadable(number, line)


def _without_comment(line: str) -> str:
    return re.sub(r"\s#.*$", "", line).strip()


def _unquoted(value: str) -> str:
    value = value.strip()
    if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'":
        return value[1:-1]
    return value
