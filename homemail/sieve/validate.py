# SPDX-License-Identifier: MIT
"""Arguments of a command or test against what it takes (RFC 5228 §2.6)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from homemail.sieve.diagnostic import Wrong
from homemail.sieve.extension import (
    AddressPart,
    CommandSpec,
    Comparator,
    Extension,
    MatchType,
    TagSpec,
    TestSpec,
    TestsWanted,
    WordSpec,
)
from homemail.sieve.syntax import Argument, Command, Kind, Number, String, Strings, Tag, Test

_MATCH, _PART = "match type", "address part"


class Vocabulary:
    """The words that a script may use where it stands."""

    def __init__(self, extensions: Iterable[Extension]) -> None:
        self.commands: dict[str, CommandSpec] = {}
        self.tests: dict[str, TestSpec] = {}
        self.match_types: dict[str, MatchType] = {}
        self.comparators: dict[str, Comparator] = {}
        self.address_parts: dict[str, AddressPart] = {}
        self.extensions = tuple(extensions)
        for extension in self.extensions:
            self.commands |= extension.commands
            self.tests |= extension.tests
            self.match_types |= extension.match_types
            self.comparators |= extension.comparators
            self.address_parts |= extension.address_parts
        self.captures = any(extension.captures for extension in self.extensions)
        self.expands = tuple(e.expand for e in self.extensions if e.expand is not None)

    def tags(self, name: str, spec: WordSpec) -> Mapping[str, TagSpec]:
        """Return every tag that the word ``name`` takes here."""
        found = dict(spec.tags)
        for extension in self.extensions:
            found |= extension.tags.get(name, {})
        if spec.matches:
            found["comparator"] = TagSpec(Kind.STRING)
            found |= {n: TagSpec(m.value, _MATCH) for n, m in self.match_types.items()}
        if spec.address_parts:
            found |= {part: TagSpec(group=_PART) for part in self.address_parts}
        return found


@dataclass(slots=True)
class Bound:
    """A command or test whose arguments are what it takes.

    ``tags`` holds those given, with their own arguments or None. ``arguments`` are the positional
    ones; the first is None where it may be missing and is.
    """

    name: str
    at: int
    specs: Mapping[str, TagSpec]
    tests: tuple[Test, ...]
    block: tuple[Command, ...] = ()
    arguments: list[Strings | Number | None] = field(default_factory=list)
    tags: dict[str, Strings | Number | None] = field(default_factory=dict)

    def strings(self, position: int) -> Strings:
        """Return a positional argument that is strings."""
        argument = self.arguments[position]
        if not isinstance(argument, Strings):
            raise Wrong(self.at, f'"{self.name}" lacks an argument')
        return argument

    def string(self, position: int) -> String:
        """Return a positional argument that is one string."""
        return self.strings(position).items[0]

    def number(self, position: int) -> int:
        """Return a positional argument that is a number."""
        argument = self.arguments[position]
        if not isinstance(argument, Number):
            raise Wrong(self.at, f'"{self.name}" lacks a number')
        return argument.value

    def tag_strings(self, tag: str) -> Strings | None:
        """Return the strings behind a tag, or None when it was not given."""
        argument = self.tags.get(tag)
        return argument if isinstance(argument, Strings) else None

    def tag_string(self, tag: str) -> String | None:
        """Return the string behind a tag, or None when it was not given."""
        argument = self.tag_strings(tag)
        return argument.items[0] if argument else None

    def tag_number(self, tag: str) -> Number | None:
        """Return the number behind a tag, or None when it was not given."""
        argument = self.tags.get(tag)
        return argument if isinstance(argument, Number) else None

    def of_group(self, group: str) -> str | None:
        """Return the tag given out of a group, or None."""
        return next((tag for tag in self.tags if self.specs[tag].group == group), None)

    @property
    def match_type(self) -> str:
        return self.of_group(_MATCH) or "is"

    @property
    def address_part(self) -> str:
        return self.of_group(_PART) or "all"


def bind(node: Command | Test, spec: WordSpec, specs: Mapping[str, TagSpec]) -> Bound:
    """Return ``node`` with its arguments in their places; its tags are all in ``specs``.

    Raises:
        Wrong: an argument is missing, of the wrong kind, or one too many.
    """
    block = (node.block or ()) if isinstance(node, Command) else ()
    bound = Bound(node.name, node.at, specs, node.tests, block)
    positional = list(_take_tags(node, bound))
    _place(node, spec, positional, bound)
    _check_tests(node, spec)
    return bound


def _take_tags(node: Command | Test, bound: Bound) -> Iterator[Strings | Number]:
    arguments = iter(node.arguments)
    seen_positional = False
    for argument in arguments:
        if not isinstance(argument, Tag):
            seen_positional = True
            yield argument
            continue
        if seen_positional:
            raise Wrong(argument.at, f'":{argument.name}" must stand before the other arguments')
        spec = _spec_of(argument, bound)
        bound.tags[argument.name] = (
            _of_kind(next(arguments, None), spec.value, f'":{argument.name}"', argument.at)
            if spec.value
            else None
        )


def _spec_of(tag: Tag, bound: Bound) -> TagSpec:
    spec = bound.specs[tag.name]
    if tag.name in bound.tags:
        raise Wrong(tag.at, f'":{tag.name}" is given twice')
    if spec.group and (other := bound.of_group(spec.group)):
        raise Wrong(tag.at, f'":{tag.name}" and ":{other}" are both a {spec.group}')
    return spec


def _of_kind(argument: Argument | None, kind: Kind, name: str, at: int) -> Strings | Number:
    match argument:
        case Number() if kind is Kind.NUMBER:
            return argument
        case Strings(single=single) if kind is Kind.STRINGS or (kind is Kind.STRING and single):
            return argument
        case None:
            raise Wrong(at, f"{name} needs {kind.value} behind it")
        case _:
            raise Wrong(argument.at, f"{name} needs {kind.value} here")


def _place(
    node: Command | Test, spec: WordSpec, given: list[Strings | Number], bound: Bound
) -> None:
    wanted = spec.arguments
    if spec.optional_first and len(given) == len(wanted) - 1:
        bound.arguments.append(None)
        wanted = wanted[1:]
    if spec.optional_last and len(given) == len(wanted) - 1:
        wanted = wanted[:-1]
    for number, kind in enumerate(wanted):
        argument = given[number] if number < len(given) else None
        at = node.end if given or bound.tags else node.at
        bound.arguments.append(_of_kind(argument, kind, f'"{node.name}"', at))
    bound.arguments += [None] * (len(spec.arguments) - len(bound.arguments))
    if len(given) > len(wanted):
        raise Wrong(given[len(wanted)].at, f'"{node.name}" takes no further argument')


def _check_tests(node: Command | Test, spec: WordSpec) -> None:
    if spec.tests is TestsWanted.NONE and node.tests:
        first = node.tests[0]
        if isinstance(node, Test):
            raise Wrong(first.at, f'"{first.name[:60]}" does not belong behind "{node.name}"')
        raise Wrong(first.at, f'expected ";" before "{first.name[:60]}"')
    if spec.tests is TestsWanted.ONE and len(node.tests) != 1:
        raise Wrong(node.at, f'"{node.name}" needs one test')
    if spec.tests is TestsWanted.SOME and not node.tests:
        raise Wrong(node.at, f'"{node.name}" needs a list of tests in parentheses')
