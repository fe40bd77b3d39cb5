# SPDX-License-Identifier: MIT
"""A tree as instructions for a machine that follows all ways at once (Thompson, Pike)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import assert_never

from homemail.regex.syntax import (
    Choice,
    End,
    Group,
    Letters,
    Node,
    Repeat,
    Sequence,
    Start,
    parse,
)

LARGEST_PROGRAM = 3000


@dataclass(frozen=True, slots=True)
class Take:
    """Go on behind a character that is one of ``letters``."""

    letters: Letters


@dataclass(slots=True)
class Split:
    """Go on at ``first`` and at ``second``; the first way is preferred."""

    first: int
    second: int


@dataclass(slots=True)
class Jump:
    """Go on elsewhere."""

    to: int


@dataclass(frozen=True, slots=True)
class Save:
    """Remember the place in the text."""

    slot: int


@dataclass(frozen=True, slots=True)
class Match:
    """The end of the program."""


Instruction = Take | Split | Jump | Save | Start | End | Match


@dataclass(frozen=True, slots=True)
class Program:
    """The instructions; the place of group ``n`` is in the slots ``2n`` and ``2n + 1``."""

    code: tuple[Instruction, ...]
    slots: int


def translate(pattern: str, *, perl: bool = False) -> Program:
    """Return the program of a pattern; with ``perl`` one of Perl's.

    Raises:
        ValueError: the pattern is wrong, or its program too large.
    """
    node, groups = parse(pattern, perl=perl)
    writer = _Writer()
    writer.write(Group(node, 0))
    writer.emit(Match())
    return Program(tuple(writer.code), 2 * (groups + 1))


class _Writer:
    def __init__(self) -> None:
        self.code: list[Instruction] = []

    def emit(self, instruction: Instruction) -> None:
        if len(self.code) >= LARGEST_PROGRAM:
            raise ValueError("a regular expression with too many repetitions")
        self.code.append(instruction)

    def write(self, node: Node) -> None:
        match node:
            case Letters():
                self.emit(Take(node))
            case Start() | End():
                self.emit(node)
            case Sequence(nodes):
                for each in nodes:
                    self.write(each)
            case Group(inner, number):
                self.emit(Save(2 * number))
                self.write(inner)
                self.emit(Save(2 * number + 1))
            case Choice(nodes):
                self._write_choice(nodes)
            case Repeat(inner, least, most, lazy):
                for _ in range(least):
                    self.write(inner)
                if most is None:
                    self._write_star(inner, lazy=lazy)
                else:
                    self._write_optional(inner, most - least, lazy=lazy)
            case _:
                assert_never(node)

    def _write_choice(self, nodes: tuple[Node, ...]) -> None:
        jumps = []
        for node in nodes[:-1]:
            split = Split(len(self.code) + 1, 0)
            self.emit(split)
            self.write(node)
            jump = Jump(0)
            self.emit(jump)
            jumps.append(jump)
            split.second = len(self.code)
        self.write(nodes[-1])
        for jump in jumps:
            jump.to = len(self.code)

    def _write_star(self, node: Node, *, lazy: bool) -> None:
        start = len(self.code)
        split = Split(start + 1, 0)
        self.emit(split)
        self.write(node)
        self.emit(Jump(start))
        _leave(split, len(self.code), lazy=lazy)

    def _write_optional(self, node: Node, times: int, *, lazy: bool) -> None:
        splits = []
        for _ in range(times):
            split = Split(len(self.code) + 1, 0)
            self.emit(split)
            self.write(node)
            splits.append(split)
        for split in splits:
            _leave(split, len(self.code), lazy=lazy)


def _leave(split: Split, end: int, *, lazy: bool) -> None:
    """Let a repetition end there; a lazy one rather ends than goes on."""
    split.first, split.second = (end, split.first) if lazy else (split.first, end)
