# SPDX-License-Identifier: MIT
"""Recipes in their order as one commented script."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from homemail.sieve.api import compile_script
from homemail.sieve.diagnostic import ScriptErrors
from homemail.sieve.procmail.actions import turn_action
from homemail.sieve.procmail.conditions import Around, CannotTurn, all_of, quoted, turn_condition
from homemail.sieve.procmail.recipes import Assignment, Comment, Item, Recipe, read_recipes

_SILENT = frozenset(
    {
        *("PATH", "SHELL", "LOGFILE", "VERBOSE", "LOGABSTRACT", "COMSAT", "UMASK", "LOCKFILE"),
        *("LINEBUF", "SENDMAIL", "SHELLFLAGS", "LOCKEXT", "TIMEOUT", "LOG", "DEFAULT", "ORGMAIL"),
        *("MAILDIR", "LOCKTIMEOUT", "LOCKSLEEP", "NORESRETRY", "SUSPEND"),
    }
)
"""Variables that say how procmail runs, not what becomes of mail."""

_DUPLICATE = re.compile(r"formail\s.*-D")


@dataclass(frozen=True, slots=True)
class Turned:
    """A script, and what of the recipes it lacks: the line and why."""

    script: str
    missing: tuple[tuple[int, str], ...]


@dataclass(slots=True)
class _If:
    """A recipe that was turned; ``test`` empty: it is always so."""

    test: str
    before: list[str]
    body: list[str | _If] = field(default_factory=list)
    otherwise: list[_If] = field(default_factory=list)
    ends: bool = False


def turn(text: str) -> Turned:
    """Return the Sieve script that does what the recipes in ``text`` do."""
    turning = _Turning()
    nodes = turning.items(read_recipes(text))
    lines = list(_lines(nodes, 0))
    needs = ", ".join(quoted(name) for name in sorted(turning.needs))
    head = [f"require [{needs}];", ""] if needs else []
    return Turned("\n".join([*head, *lines]) + "\n", tuple(turning.missing))


class _Turning:
    def __init__(self) -> None:
        self.needs: set[str] = set()
        self.missing: list[tuple[int, str]] = []
        self._variables = {"EXTENSION": "", "HOME": "~"}

    def items(self, items: Sequence[Item]) -> list[str | _If]:
        nodes: list[str | _If] = []
        last: _If | None = None
        for item in items:
            match item:
                case Comment(text=text):
                    nodes.append(f"# {text}" if text else "#")
                case Assignment():
                    nodes += self._assign(item)
                case Recipe():
                    last = self._add(item, nodes, last)
                case _:
                    nodes.append(self._lacks(item.line, item.text, "it is no recipe"))
        return nodes

    def _assign(self, item: Assignment) -> list[str | _If]:
        if "`" in item.value or item.name == "INCLUDERC":
            why = "another file is read" if item.name == "INCLUDERC" else "it runs a program"
            return [self._lacks(item.line, f"{item.name}={item.value}", why)]
        if item.name not in _SILENT:
            self._variables[item.name] = item.value
        return []

    def _lacks(self, line: int, text: str, why: str) -> str:
        self.missing.append((line, why))
        shown = "\n".join(f"#   {part}" for part in text.split("\n"))
        return f"# NOT TURNED, line {line}: {why}\n{shown}"

    def _add(self, recipe: Recipe, nodes: list[str | _If], last: _If | None) -> _If | None:
        """Turn a recipe and put it where its flags say; return what the next may refer to."""
        around = Around(self._variables)
        try:
            node = self._recipe(recipe, around, last)
            _check(node, around.needs | self.needs)
        except CannotTurn as error:
            nodes.append(self._lacks(recipe.line, "\n".join(recipe.source), str(error)))
            return None
        self.needs |= around.needs
        node.before += [f"# {remark}" for remark in dict.fromkeys(around.remarks)]
        if "A" in recipe.flags and last is not None:
            last.body.append(node)
        elif "E" in recipe.flags and last is not None:
            last.otherwise.append(node)
            return last
        else:
            nodes.append(node)
        return node

    def _recipe(self, recipe: Recipe, around: Around, last: _If | None) -> _If:
        flags = recipe.flags
        if "a" in flags or "e" in flags:
            raise CannotTurn("it asks whether the recipe before has worked")
        if ("A" in flags or "E" in flags) and last is None:
            raise CannotTurn("it belongs to a recipe that could not be turned")
        if _DUPLICATE.search(recipe.action) or any(
            _DUPLICATE.search(text) for _, text in recipe.conditions
        ):
            around.needs.add("duplicate")
            return _If("duplicate", [], ["discard;"], ends=True)
        tests = [turn_condition(text, flags, around) for _, text in recipe.conditions]
        node = _If(all_of(tests) if tests else "", [])
        if recipe.block is not None:
            node.body += self.items(recipe.block)
            return node
        copy = "c" in flags or "f" in flags
        node.body += turn_action(recipe.action, around, copy=copy)
        node.ends = not copy and not any(
            isinstance(line, str) and line.startswith("vacation") for line in node.body
        )
        return node


def _check(node: _If, needs: set[str]) -> None:
    """Make sure that the script can be used with this part of it.

    Raises:
        CannotTurn: it could not: a pattern or an address that Sieve does not take.
    """
    names = ", ".join(quoted(name) for name in sorted(needs | {"fileinto"}))
    script = compile_script("\n".join([f"require [{names}];", *_if_lines(node, 0)]).encode())
    if isinstance(script, ScriptErrors):
        raise CannotTurn(script.errors[0].text)


def _lines(nodes: Sequence[str | _If], depth: int) -> list[str]:
    found: list[str] = []
    for node in nodes:
        if isinstance(node, str):
            found += [f"{'    ' * depth}{line}" for line in node.split("\n")]
        else:
            found += _if_lines(node, depth)
    return found


def _if_lines(node: _If, depth: int) -> list[str]:
    indent = "    " * depth
    body = [*node.body, *(["stop;"] if node.ends else [])]
    before = [f"{indent}{line}" for line in node.before]
    if not node.test:
        return before + _lines(body, depth)
    found = [*before, f"{indent}if {node.test} {{", *_lines(body, depth + 1), f"{indent}}}"]
    for other in node.otherwise:
        inside = [*other.body, *(["stop;"] if other.ends else [])]
        word = f"elsif {other.test}" if other.test else "else"
        found[-1] += f" {word} {{"
        found += [*(f"{indent}    {line}" for line in other.before), *_lines(inside, depth + 1)]
        found.append(f"{indent}}}")
    return found
