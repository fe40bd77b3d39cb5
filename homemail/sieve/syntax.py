# SPDX-License-Identifier: MIT
"""A script as a tree (RFC 5228 §8.2); ``at`` is an offset in its text, ``end`` the one behind."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Kind(Enum):
    """What an argument may be; a string stands for a list of one."""

    STRING = "a string"
    STRINGS = "a string or a list of strings"
    NUMBER = "a number"


@dataclass(frozen=True, slots=True)
class String:
    """A quoted or multi-line string: what it says, with CRLF line ends."""

    value: str
    at: int


@dataclass(frozen=True, slots=True)
class Strings:
    """A string-list; ``single`` where it was written without brackets."""

    items: tuple[String, ...]
    at: int
    single: bool


@dataclass(frozen=True, slots=True)
class Number:
    """A number, its unit multiplied in."""

    value: int
    at: int


@dataclass(frozen=True, slots=True)
class Tag:
    """``:name``, in lower case."""

    name: str
    at: int


Argument = Strings | Number | Tag


@dataclass(frozen=True, slots=True)
class Test:
    """``name arguments [tests]``."""

    name: str
    arguments: tuple[Argument, ...]
    tests: tuple[Test, ...]
    at: int
    end: int


@dataclass(frozen=True, slots=True)
class Command:
    """``name arguments [tests]``, closed by ``;`` (``block`` None) or a block."""

    name: str
    arguments: tuple[Argument, ...]
    tests: tuple[Test, ...]
    block: tuple[Command, ...] | None
    at: int
    end: int
