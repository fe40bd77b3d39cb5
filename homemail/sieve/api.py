# SPDX-License-Identifier: MIT
"""The two calls of the language: compile a script, run it on a message."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from homemail.config.sieve import SieveSettings
from homemail.sieve.compiler import Compiler
from homemail.sieve.compiler import Watch as PlaceWatch
from homemail.sieve.core import CORE
from homemail.sieve.diagnostic import Problems, ScriptError, ScriptErrors
from homemail.sieve.extensions import EXTENSIONS
from homemail.sieve.extensions.include import NOT_THERE, included
from homemail.sieve.interpret import Limits, Outcome, Run, Step, perform
from homemail.sieve.lexer import tokens
from homemail.sieve.parser import parse
from homemail.sieve.view import EnvelopeView, MessageView, Surroundings

DEFAULT_LIMITS = Limits()
DEEPEST_INCLUDE = 10
MOST_INCLUDED = 100

Load = Callable[[bool, str], bytes | None]
"""The text of a script by its name, ``True``: one of the house; None where there is none."""


@dataclass(frozen=True, slots=True)
class Watched:
    """One thing that a script did: a command (``answer`` None) or a test.

    ``script`` is the name of the included script it stands in, or empty.
    """

    script: str
    line: int
    column: int
    word: str
    answer: bool | None


Watch = Callable[[Watched], None]


def _nothing_to_include(of_the_house: bool, name: str) -> bytes | None:
    return None


def limits_of(settings: SieveSettings) -> Limits:
    """Return the limits that the settings ask for."""
    return Limits(
        script_octets=settings.sieve_max_script_size,
        redirects=settings.sieve_max_redirects,
        actions=settings.sieve_max_actions,
        vacation_seconds=(
            int(settings.sieve_vacation_min_period),
            int(settings.sieve_vacation_max_period),
        ),
    )


@dataclass(frozen=True, slots=True)
class Script:
    """A script that can be run, any number of times.

    ``warnings`` are what is allowed but hardly meant.
    """

    body: Step = field(repr=False)
    place: Callable[[int], tuple[int, int]] = field(repr=False)
    warnings: tuple[ScriptError, ...] = ()


def capabilities() -> tuple[str, ...]:
    """Return the names that ``require`` knows, sorted."""
    return tuple(sorted(extension.name for extension in EXTENSIONS))


def compile_script(
    octets: bytes,
    limits: Limits = DEFAULT_LIMITS,
    load: Load = _nothing_to_include,
    watch: Watch | None = None,
) -> Script | ScriptErrors:
    """Return the script in ``octets`` (UTF-8), or what is wrong with it. Raises nothing.

    Lines may end in CRLF or LF. ``load`` gives the scripts that this one includes. ``watch`` is
    told what the script does when it runs.
    """
    return _Compilation(limits, load, watch).script(octets, ())


class _Compilation:
    """A script and those that it includes, each compiled once."""

    def __init__(self, limits: Limits, load: Load, watch: Watch | None) -> None:
        self._watch = watch
        self._limits = limits
        self._load = load
        self._octets = 0
        self._included: dict[tuple[bool, str], Step | str] = {}

    def script(self, octets: bytes, inside: tuple[tuple[bool, str], ...]) -> Script | ScriptErrors:
        text = octets.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "replace")
        text = text.replace("\r\n", "\n")
        problems = Problems(text)
        if len(octets) > self._limits.script_octets:
            problems.add(0, f"the script is larger than {self._limits.script_octets} octets")
            return problems.errors()
        if not _is_utf8(octets):
            problems.add(max(text.find("\ufffd"), 0), "this is not UTF-8")
            return problems.errors()
        words = tokens(text, problems)
        if problems:
            return problems.errors()
        commands = parse(words, problems)

        def include(of_the_house: bool, name: str) -> Step | str:
            return self._include((of_the_house, name), inside)

        watch = _placed(self._watch, inside, problems) if self._watch else None
        # Words are looked at even after an error of form: one round shows all that is wrong.
        body = Compiler(CORE, EXTENSIONS, problems, include, watch).script(commands)
        if problems:
            return problems.errors()
        return Script(body, problems.place, problems.warnings())

    def _include(self, key: tuple[bool, str], inside: tuple[tuple[bool, str], ...]) -> Step | str:
        if key in inside:
            return "scripts include each other"
        if len(inside) >= DEEPEST_INCLUDE or len(self._included) >= MOST_INCLUDED:
            return "too many scripts are included"
        if key not in self._included:
            octets = self._load(*key)
            if octets is None:
                return NOT_THERE
            self._octets += len(octets)
            if self._octets > self._limits.script_octets:
                return "too much is included"
            self._included[key] = "scripts include each other"
            script = self.script(octets, (*inside, key))
            self._included[key] = (
                f"it has errors: {script.errors[0]}"
                if isinstance(script, ScriptErrors)
                else included(script.body, script.place)
            )
        return self._included[key]


def _placed(watch: Watch, inside: Sequence[tuple[bool, str]], problems: Problems) -> PlaceWatch:
    """Return what the compiler calls: places as line and column, in the script of a name."""
    name = inside[-1][1] if inside else ""

    def placed(at: int, word: str, answer: bool | None) -> None:
        watch(Watched(name, *problems.place(at), word, answer))

    return placed


def _is_utf8(octets: bytes) -> bool:
    try:
        octets.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def run(
    script: Script,
    message: MessageView,
    envelope: EnvelopeView,
    surroundings: Surroundings | None = None,
    limits: Limits = DEFAULT_LIMITS,
) -> Outcome:
    """Return what ``script`` wants done with ``message``.

    A script that fails keeps the message: see ``Outcome``.
    """
    return perform(
        script.body, Run(message, envelope, surroundings or Surroundings(), limits), script.place
    )
