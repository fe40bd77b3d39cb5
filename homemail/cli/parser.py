# SPDX-License-Identifier: MIT
"""The parser of a command line: argparse, with commands below commands and help of our own.

The help's text does not depend on the version of Python or the width of a terminal, so the pages
that are made from it (``docs/commands.md``, the man page) can be compared by a test.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NoReturn

from homemail.cli.failures import UsageError
from homemail.cli.page import Page, help_text

Arguments = argparse.Namespace
Run = Callable[[Arguments], int]

_TAKES_A_VALUE = ("--config", "--directory")


class Parser(argparse.ArgumentParser):
    """A command, with its ``summary``, ``details``, ``examples``, and the commands below it."""

    def __init__(self, *, summary: str = "", **more: Any) -> None:
        super().__init__(**more, allow_abbrev=False, add_help=False, formatter_class=_fixed_width)
        self.summary = summary
        self.details = ""
        self.examples: Sequence[str] = ()
        self.commands: dict[str, Parser] = {}
        self.below: argparse._SubParsersAction[Parser] | None = None
        self._add_common()

    def _add_common(self) -> None:
        # Everywhere, and without a default: what stands before a sub-command's name must not be
        # overwritten by the sub-command's own parser.
        unset = argparse.SUPPRESS
        self.add_argument(
            "--config",
            metavar="FILE",
            type=Path,
            default=unset,
            help="the settings file; /etc/homemail/homemail.toml where nothing is said",
        )
        self.add_argument(
            "--directory",
            metavar="DIR",
            type=Path,
            default=unset,
            help='the directory of a server made by "homemail try"',
        )
        self.add_argument(
            "--traceback",
            action="store_true",
            default=unset,
            help="after a failure, show where in the program it happened",
        )
        self.add_argument("-h", "--help", action="help", help="show this help")

    def add_command(
        self,
        name: str,
        summary: str,
        run: Run | None = None,
        *,
        details: str = "",
        examples: Sequence[str] = (),
    ) -> Parser:
        """Add the command ``name`` below this one and return its parser."""
        if self.below is None:
            self.below = self.add_subparsers(prog=self.prog, metavar="COMMAND")
        below = self.below.add_parser(name, summary=summary)
        below.details, below.examples = details, examples
        if run:
            below.set_defaults(run=run)
        self.commands[name] = below
        return below

    def page(self) -> Page:
        """Return what there is to say about this command."""
        actions = [a for a in self._actions if a.help is not argparse.SUPPRESS]
        options = [a for a in actions if a.option_strings]
        return Page(
            program=self.prog,
            usage=" ".join(_usage(self, actions)),
            summary=self.summary,
            details=self.details,
            commands=[(name, below.summary) for name, below in self.commands.items()],
            arguments=[
                (_metavar(a), a.help or "")
                for a in actions
                if not a.option_strings and a is not self.below
            ],
            options=[(_words(a), a.help or "") for a in options if not _is_common(a)],
            common=[(_words(a), a.help or "") for a in options if _is_common(a)],
            examples=list(self.examples),
        )

    def options(self) -> list[tuple[str, bool]]:
        """Return each option in its long form, and whether a value follows it."""
        return [
            (action.option_strings[-1], action.nargs != 0)
            for action in self._actions
            if action.option_strings
        ]

    def format_help(self) -> str:
        return help_text(self.page())

    def error(self, message: str) -> NoReturn:
        raise UsageError(message, self.prog)


_COMMON = ("--config", "--directory", "--traceback", "--help")


def command_words(words: Sequence[str]) -> Iterator[str]:
    """Yield the words that are neither options nor the values of the options that all have."""
    skip = False
    for word in words:
        if word == "--":
            return
        if not skip and not word.startswith("-"):
            yield word
        skip = word in _TAKES_A_VALUE


def _fixed_width(prog: str) -> argparse.HelpFormatter:
    """Return argparse's formatter, which it makes for each argument; the terminal is not asked."""
    return argparse.HelpFormatter(prog, width=80)


def _is_common(action: argparse.Action) -> bool:
    return bool(action.option_strings) and action.option_strings[-1] in _COMMON


def _usage(parser: Parser, actions: Sequence[argparse.Action]) -> Iterator[str]:
    yield parser.prog
    for action in actions:
        if action.option_strings and not _is_common(action):
            words = _words(action, short=True)
            yield words if action.required else f"[{words}]"
    for action in actions:
        if not action.option_strings:
            yield "COMMAND ..." if action is parser.below else _metavar(action)
    yield "[OPTIONS]"


def _words(action: argparse.Action, *, short: bool = False) -> str:
    """Return an option as it is typed: ``-n, --count NUMBER``, or ``-n NUMBER``."""
    names = action.option_strings[:1] if short else action.option_strings
    value = "" if action.nargs == 0 else f" {_metavar(action)}"
    return ", ".join(names) + value


def _metavar(action: argparse.Action) -> str:
    if isinstance(action.metavar, str):
        name = action.metavar
    elif action.choices is not None and not action.option_strings:
        name = "|".join(map(str, action.choices))
    else:
        name = action.dest.upper().replace("_", "-")
    return {"?": f"[{name}]", "*": f"[{name} ...]", "+": f"{name} ..."}.get(str(action.nargs), name)
