# SPDX-License-Identifier: MIT
"""What an extension may add to the language: the slots, all of them tables written by hand."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any

from homemail.sieve.action import Action
from homemail.sieve.interpret import Predicate, Run, Step
from homemail.sieve.syntax import Kind
from homemail.sieve.view import FieldsView

if TYPE_CHECKING:
    from homemail.sieve.compiler import Compiler
    from homemail.sieve.validate import Bound


@dataclass(frozen=True, slots=True)
class Text:
    """A string of a script: known while compiling (``constant``), or only when it runs."""

    constant: str | None
    of: Callable[[Run], str]

    @classmethod
    def fixed(cls, value: str) -> Text:
        return cls(value, lambda run: value)


@dataclass(frozen=True, slots=True)
class Texts:
    """A list of strings, as in ``Text``."""

    constant: tuple[str, ...] | None
    of: Callable[[Run], tuple[str, ...]]

    @classmethod
    def fixed(cls, values: tuple[str, ...]) -> Texts:
        return cls(values, lambda run: values)


@dataclass(frozen=True, slots=True)
class Comparator:
    """How texts compare (RFC 4790).

    Two are equal when their keys are, and in the order of these. ``fold`` is for comparators that
    know substrings: it keeps every position in place.
    """

    name: str
    key: Callable[[str], Hashable]
    fold: Callable[[str], str] | None


Matcher = Callable[[Run, Sequence[str]], bool]
"""Whether one of the values matches one of the keys."""


@dataclass(frozen=True, slots=True)
class MatchParts:
    """What a match type has to work with.

    ``value`` is its own argument, if it has one. ``captures``: the script can ask for what the
    wildcards stood for. ``at`` is the place of the keys. ``named``: the script names a comparator.
    """

    comparator: Comparator
    keys: Texts
    value: Text | None
    captures: bool
    at: int
    named: bool = False


@dataclass(frozen=True, slots=True)
class MatchType:
    """``:name``, with the kind of argument that follows it.

    ``build`` may raise ``Wrong``.
    """

    build: Callable[[MatchParts], Matcher]
    value: Kind | None = None


AddressPart = Callable[[str, str, Run], str | None]
"""Local part and domain to the text that is compared; None where there is no such part."""


Adjust = Callable[[Action, Run], Action]
Select = Callable[[Sequence[Any]], Sequence[Any]]
Sources = Callable[[Run], Sequence[FieldsView]]
Extract = Callable[[Run, str, Sequence[str]], Sequence[str]]
"""Out of the bodies of the fields of a name, what a test compares."""


@dataclass(frozen=True, slots=True)
class TagSpec:
    """A tag that a command or test takes.

    Only one of a ``group`` may be given. ``adjust`` changes the action of a command.
    ``select`` makes a picker out of a list of fields, once for the test it stands in; ``sources``
    tells whose header a test looks at, ``extract`` what of a field it compares.
    """

    value: Kind | None = None
    group: str = ""
    adjust: Callable[[Bound, Compiler], Adjust] | None = None
    select: Callable[[Bound], Select] | None = None
    sources: Callable[[Bound, Compiler], Sources] | None = None
    extract: Callable[[Bound, Compiler], Extract] | None = None


class TestsWanted(Enum):
    """How many tests stand behind a command's or test's arguments."""

    NONE = "no test"
    ONE = "one test"
    SOME = "a list of tests in parentheses"


@dataclass(frozen=True, slots=True)
class WordSpec:
    """What a command and a test have in common.

    ``optional_first`` and ``optional_last``: the first or last of ``arguments`` may be missing.
    """

    arguments: tuple[Kind, ...] = ()
    tags: Mapping[str, TagSpec] = field(default_factory=dict)
    tests: TestsWanted = TestsWanted.NONE
    optional_first: bool = False
    optional_last: bool = False
    matches: bool = False
    address_parts: bool = False


@dataclass(frozen=True, slots=True)
class CommandSpec(WordSpec):
    """A command: ``build`` makes a step of it. ``block``: a block follows it, not a semicolon."""

    build: Callable[[Bound, Compiler], Step] = field(kw_only=True)
    block: bool = False


@dataclass(frozen=True, slots=True)
class TestSpec(WordSpec):
    """A test: ``build`` makes a predicate of it."""

    build: Callable[[Bound, Compiler], Predicate] = field(kw_only=True)


@dataclass(frozen=True, slots=True)
class Extension:
    """One capability: what ``require "name"`` makes known.

    ``tags`` are added to commands and tests of others, by their names. ``expand`` reads every
    string while compiling: it may return another one, or a text that is known only at run time; it
    is given the namespaces that are known. ``captures``: scripts can ask for what wildcards stood
    for. ``namespaces``: what ``${name.variable}`` means, by ``name`` (RFC 5229 §3). ``modifiers``
    are those of ``set``, with their precedence (RFC 5229 §4.1).
    """

    name: str
    commands: Mapping[str, CommandSpec] = field(default_factory=dict)
    tests: Mapping[str, TestSpec] = field(default_factory=dict)
    match_types: Mapping[str, MatchType] = field(default_factory=dict)
    comparators: Mapping[str, Comparator] = field(default_factory=dict)
    address_parts: Mapping[str, AddressPart] = field(default_factory=dict)
    tags: Mapping[str, Mapping[str, TagSpec]] = field(default_factory=dict)
    expand: Callable[[str, int, frozenset[str]], str | Text] | None = None
    captures: bool = False
