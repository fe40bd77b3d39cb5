# SPDX-License-Identifier: MIT
"""A script's tree as closures: what can be decided without a message is decided once.

``require``, ``if``, ``elsif`` and ``else`` are here because they shape the compilation itself;
every other word comes out of a table (``core``, ``extensions``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NoReturn, TypeVar

from homemail.sieve.diagnostic import Problems, Wrong, did_you_mean
from homemail.sieve.extension import (
    Adjust,
    Comparator,
    Extension,
    Extract,
    Matcher,
    MatchParts,
    Select,
    Sources,
    TagSpec,
    Text,
    Texts,
    WordSpec,
)
from homemail.sieve.interpret import Predicate, Run, RunError, Step
from homemail.sieve.syntax import Command, String, Strings, Tag, Test
from homemail.sieve.validate import Bound, Vocabulary, bind

T = TypeVar("T")

Include = Callable[[bool, str], Step | str]
"""The script of a name (``True``: of the house), as a step; or why there is none (RFC 6609)."""

Watch = Callable[[int, str, bool | None], None]
"""Called when a command runs (None), and with the answer of a test: place, name, answer."""

_Chain = list[tuple[Predicate | None, Step]]
"""The tests of ``if`` and ``elsif`` with their blocks; ``else`` has no test."""

_CONTROL = ("if", "elsif", "else", "require")


class Compiler:
    """One compilation: words known so far, what was found wrong."""

    def __init__(
        self,
        core: Sequence[Extension],
        extensions: Sequence[Extension],
        problems: Problems,
        include: Include,
        watch: Watch | None = None,
    ) -> None:
        self._supported = {extension.name: extension for extension in extensions}
        self._problems = problems
        self._core = tuple(core)
        self.include = include
        self._watch = watch
        self._enabled: dict[str, Extension] = {}
        self._known = Vocabulary(core)
        self._lenient = False
        self.loops: list[tuple[str, int]] = []
        self._loops_made = 0

    @property
    def required(self) -> frozenset[str]:
        """The extensions that the script may use where the compilation stands."""
        return frozenset(self._enabled)

    def _enable(self, names: Sequence[str]) -> None:
        for name in names:
            # The order of the table, not of the script: encoded-character expands first.
            self._enabled[name] = self._supported[name]
        ordered = [e for e in self._supported.values() if e.name in self._enabled]
        self._known = Vocabulary((*self._core, *ordered))

    def assume(self, names: Sequence[str]) -> bool:
        """Return whether these extensions may be used; if so, they may be from here on.

        If not, what cannot be compiled from here on fails when it is reached: the script has
        asked, and may know better than to go there. An extension that changes how strings are
        read must be required.

        Source: RFC 5463 §4.
        """
        known = all(
            name in self._enabled
            or (name in self._supported and self._supported[name].expand is None)
            for name in names
        )
        if known:
            self._enable(names)
        else:
            self._lenient = True
        return known

    def new_loop(self, name: str) -> int:
        """Return the number of a loop that begins here; who made it takes it off ``loops``."""
        self._loops_made += 1
        self.loops.append((name, self._loops_made))
        return self._loops_made

    def _failing(self, wrong: Wrong) -> Callable[[Run], NoReturn]:
        if not self._lenient:
            self._problems.note(wrong)

        def fail(run: Run) -> NoReturn:
            raise RunError(wrong.at, wrong.text)

        return fail

    def script(self, commands: Sequence[Command]) -> Step:
        """Compile a whole script: the ``require`` commands come first."""
        rest = list(commands)
        while rest and rest[0].name == "require":
            try:
                self._require(rest.pop(0))
            except Wrong as wrong:
                self._problems.note(wrong)
        return self.block(rest)

    def _require(self, command: Command) -> None:
        if len(command.arguments) != 1 or not isinstance(command.arguments[0], Strings):
            raise Wrong(command.at, '"require" needs a string or a list of strings')
        if command.tests or command.block is not None:
            raise Wrong(command.end, 'expected ";" after the extensions')
        items = command.arguments[0].items
        self._enable([item.value for item in items if item.value in self._supported])
        for item in items:
            if item.value not in self._supported and not self._problems.full:
                near = did_you_mean(item.value, self._supported)
                self._problems.add(item.at, f'unknown extension "{item.value[:60]}"{near}')

    def block(self, commands: Sequence[Command]) -> Step:
        """Compile commands that run one after another."""
        steps: list[Step | _Chain] = []
        chain: _Chain | None = None
        for before, command in zip((None, *commands), commands, strict=False):
            if self._problems.full:
                break
            if before is not None and before.name == "stop":
                self._problems.warn(command.at, f'"{command.name}" is never reached')
            if command.name in ("if", "elsif", "else"):
                if command.name == "if":
                    chain = []
                    steps.append(chain)
                chain = self._branch(command, chain)
                continue
            chain = None
            try:
                steps.append(self._command(command))
            except Wrong as wrong:
                steps.append(self._failing(wrong))
        return _sequence(tuple(_choice(s) if isinstance(s, list) else s for s in steps))

    def _branch(self, command: Command, chain: _Chain | None) -> _Chain | None:
        if chain is None:
            self._problems.add(command.at, f'"{command.name}" without an "if" before it')
            chain = []
        predicate: Predicate | None
        try:
            predicate = self._branch_test(command)
        except Wrong as wrong:
            predicate = self._failing(wrong)
        if command.block is None:
            self._problems.add(command.end, f'"{command.name}" needs a block "{{ ... }}"')
        chain.append((predicate, self.block(command.block or ())))
        return None if command.name == "else" else chain

    def _branch_test(self, command: Command) -> Predicate | None:
        if command.arguments:
            raise Wrong(command.arguments[0].at, f'"{command.name}" needs a test here')
        if command.name == "else":
            if command.tests:
                raise Wrong(command.tests[0].at, '"else" takes no test; write "elsif"')
            return None
        if len(command.tests) != 1:
            raise Wrong(command.at, f'"{command.name}" needs one test (or allof, anyof)')
        return self.test(command.tests[0])

    def _command(self, command: Command) -> Step:
        if command.name == "require":
            raise Wrong(command.at, '"require" must stand before all other commands')
        spec = self._known.commands.get(command.name)
        if spec is None:
            raise Wrong(command.at, self._unknown("command", command.name))
        bound = self._bind(command, spec)
        if command.block is not None and not spec.block:
            raise Wrong(command.end, f'expected ";" after "{command.name}", not a block')
        if command.block is None and spec.block:
            raise Wrong(command.end, f'"{command.name}" needs a block "{{ ... }}"')
        return self._watched(command, spec.build(bound, self))

    def _watched(self, command: Command, step: Step) -> Step:
        watch = self._watch
        if watch is None:
            return step

        def watched(run: Run) -> None:
            watch(command.at, command.name, None)
            step(run)

        return watched

    def _bind(self, node: Command | Test, spec: WordSpec) -> Bound:
        specs = self._known.tags(node.name, spec)
        for argument in node.arguments:
            if isinstance(argument, Tag) and argument.name not in specs:
                raise Wrong(argument.at, self._unknown_tag(argument.name, node.name, spec, specs))
        return bind(node, spec, specs)

    def _unknown_tag(
        self, tag: str, word: str, spec: WordSpec, specs: Mapping[str, TagSpec]
    ) -> str:
        for extension in self._supported.values():
            if tag in Vocabulary((extension,)).tags(word, spec):
                return f'":{tag}" needs: require "{extension.name}";'
        return f'"{word}" takes no ":{tag[:60]}"{did_you_mean(tag, specs, ":")}'

    def test(self, test: Test) -> Predicate:
        """Compile a test.

        Raises:
            Wrong: it cannot be.
        """
        try:
            spec = self._known.tests.get(test.name)
            if spec is None:
                raise Wrong(test.at, self._unknown("test", test.name))
            return self._answering(test, spec.build(self._bind(test, spec), self))
        except Wrong as wrong:
            if self._lenient:
                return self._failing(wrong)
            raise

    def _answering(self, test: Test, predicate: Predicate) -> Predicate:
        watch = self._watch
        if watch is None:
            return predicate

        def answering(run: Run) -> bool:
            answer = predicate(run)
            watch(test.at, test.name, answer)
            return answer

        return answering

    def _unknown(self, what: str, name: str) -> str:
        for extension in self._supported.values():
            if name in (extension.commands if what == "command" else extension.tests):
                return f'"{name}" needs: require "{extension.name}";'
        known = self._known.commands if what == "command" else self._known.tests
        words = [*known, *_CONTROL] if what == "command" else known
        return f'unknown {what} "{name[:60]}"{did_you_mean(name, words)}'

    def text(self, string: String) -> Text:
        """Return what a string of the script says, with what extensions read into it."""
        value = string.value
        for expand in self._known.expands:
            expanded = expand(value, string.at, self.required)
            if isinstance(expanded, Text):
                return expanded
            value = expanded
        return Text.fixed(value)

    def texts(self, strings: Strings) -> Texts:
        """Return a list of strings as ``text`` does."""
        texts = tuple(self.text(item) for item in strings.items)
        constants = [text.constant for text in texts if text.constant is not None]
        if len(constants) == len(texts):
            return Texts.fixed(tuple(constants))
        return Texts(None, lambda run: tuple(text.of(run) for text in texts))

    def constant(self, string: String, what: str) -> str:
        """Return a string that must be known while compiling.

        Raises:
            Wrong: it depends on variables.
        """
        text = self.text(string)
        if text.constant is None:
            raise Wrong(string.at, f"{what} must not depend on variables")
        return text.constant

    def parsed(self, string: String, parse: Callable[[str], T]) -> Callable[[Run], T]:
        """Return a string's value as ``parse`` (which may raise ``ValueError``) reads it.

        Raises:
            Wrong: a string that is known while compiling is not right.
        """
        text, at = self.text(string), string.at
        if text.constant is not None:
            try:
                value = parse(text.constant)
            except ValueError as error:
                raise Wrong(at, str(error)) from None
            return lambda run: value

        def parse_later(run: Run) -> T:
            try:
                return parse(text.of(run))
            except ValueError as error:
                raise RunError(at, str(error)) from None

        return parse_later

    def matcher(
        self,
        bound: Bound,
        keys: Strings,
        *,
        change: Callable[[Texts], Texts] | None = None,
        captures: bool = True,
    ) -> Matcher:
        """Return the match that a test asks for: its match type, comparator and keys.

        ``change`` is done to the keys first; without ``captures`` no match values are set.
        """
        match_type = self._known.match_types[bound.match_type]
        value = bound.tag_string(bound.match_type)
        texts = self.texts(keys)
        return match_type.build(
            MatchParts(
                self._comparator(bound),
                change(texts) if change else texts,
                self.text(value) if value else None,
                captures and self._known.captures,
                keys.at,
                "comparator" in bound.tags,
            )
        )

    def _comparator(self, bound: Bound) -> Comparator:
        named = bound.tag_string("comparator")
        if named is None:
            return self._known.comparators["i;ascii-casemap"]
        name = self.constant(named, "a comparator")
        comparator = self._known.comparators.get(name)
        if comparator is not None:
            return comparator
        need = f"comparator-{name}"
        if need in self._supported:
            raise Wrong(named.at, f'"{name}" needs: require "{need}";')
        near = did_you_mean(name, self._known.comparators)
        raise Wrong(named.at, f'unknown comparator "{name[:60]}"{near}')

    def part(self, bound: Bound) -> Callable[[str, str, Run], str | None]:
        """Return the address part that a test asks for."""
        return self._known.address_parts[bound.address_part]

    def adjust(self, bound: Bound) -> tuple[Adjust, ...]:
        """Return what the tags of extensions do to a command's action."""
        adjusts = (bound.specs[tag].adjust for tag in bound.tags)
        return tuple(adjust(bound, self) for adjust in adjusts if adjust is not None)

    def select(self, bound: Bound) -> Select | None:
        """Return how the tags of extensions pick among fields of the same name, if they do."""
        selects = (bound.specs[tag].select for tag in bound.tags)
        return next((select(bound) for select in selects if select is not None), None)

    def sources(self, bound: Bound) -> Sources:
        """Return whose headers a test looks at: the message's, where no tag says otherwise."""
        found = (bound.specs[tag].sources for tag in bound.tags)
        return next((make(bound, self) for make in found if make), lambda run: (run.message,))

    def extract(self, bound: Bound) -> Extract | None:
        """Return what of a field a test compares, where that is not all of it."""
        found = (bound.specs[tag].extract for tag in bound.tags)
        return next((make(bound, self) for make in found if make), None)


def _sequence(steps: tuple[Step, ...]) -> Step:
    def run_all(run: Run) -> None:
        run.spend(len(steps))
        for step in steps:
            step(run)

    return run_all


def _choice(chain: _Chain) -> Step:
    if len(chain) == 1 and (only := chain[0][0]) is not None:
        then = chain[0][1]

        def run_only(run: Run) -> None:
            if only(run):
                then(run)

        return run_only

    def run_first(run: Run) -> None:
        for predicate, body in chain:
            if predicate is None or predicate(run):
                body(run)
                return

    return run_first
