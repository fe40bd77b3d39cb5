# SPDX-License-Identifier: MIT
"""The two calls of the language: compile a script, run it on a message."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from homemail.config.sieve import SieveSettings
from homemail.sieve.compiler import Compiler
from homemail.sieve.core import CORE
from homemail.sieve.diagnostic import Problems, ScriptError, ScriptErrors
from homemail.sieve.extensions import EXTENSIONS
from homemail.sieve.interpret import Limits, Outcome, Run, Step, perform
from homemail.sieve.lexer import tokens
from homemail.sieve.parser import parse
from homemail.sieve.view import EnvelopeView, MessageView, Surroundings

DEFAULT_LIMITS = Limits()


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


def compile_script(octets: bytes, limits: Limits = DEFAULT_LIMITS) -> Script | ScriptErrors:
    """Return the script in ``octets`` (UTF-8), or what is wrong with it. Raises nothing.

    Lines may end in CRLF or LF.
    """
    text = octets.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "replace").replace("\r\n", "\n")
    problems = Problems(text)
    if len(octets) > limits.script_octets:
        problems.add(0, f"the script is larger than {limits.script_octets} octets")
        return problems.errors()
    if not _is_utf8(octets):
        problems.add(max(text.find("�"), 0), "this is not UTF-8")
        return problems.errors()
    words = tokens(text, problems)
    if problems:
        return problems.errors()
    commands = parse(words, problems)
    # Words are looked at even after an error of form: one round shows all that is wrong.
    body = Compiler(CORE, EXTENSIONS, problems).script(commands)
    if problems:
        return problems.errors()
    return Script(body, problems.place, problems.warnings())


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
