# SPDX-License-Identifier: MIT
"""The table of commands. A command's module is imported when the command is used.

Such a module has ``configure(parser: Parser) -> None``: it adds arguments, or commands below
(``parser.add_command``), and sets what runs them: ``parser.set_defaults(run=run)`` with
``run(arguments) -> int``, the exit status.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass

from homemail.cli.parser import Parser

_DETAILS = """
Receives mail, files it into plain mailboxes in each person's own home, and lets them read it with
any client. Each command says more with --help.
"""


@dataclass(frozen=True, slots=True)
class Command:
    """A command: its name, the module that is it, and one line about it."""

    name: str
    module: str
    summary: str


COMMANDS = (
    Command("try", "homemail.cli.try_", "start a complete server here and now, to try it"),
    Command("serve", "homemail.cli.serve", "run the server by a settings file"),
    Command("account", "homemail.cli.account", "see and change who has mail here"),
    Command("mailbox", "homemail.cli.mailbox", "check mailboxes, bring back what was deleted"),
    Command("queue", "homemail.cli.queue", "see the mail that waits to go elsewhere"),
    Command("sieve", "homemail.cli.sieve", "check and try scripts that filter mail"),
    Command("check", "homemail.cli.check", "say what is wrong, without starting anything"),
    Command("explain", "homemail.cli.explain", "say what would become of mail for an address"),
    Command("table", "homemail.cli.table", "read lookup tables and look keys up"),
    Command("settings", "homemail.cli.settings", "show and explain the settings"),
    Command("completion", "homemail.cli.completion", "print what a shell needs to complete words"),
    Command("version", "homemail.cli.version", "print the version"),
)


def build_parser(only: str | None = None) -> Parser:
    """Return the parser of the whole program; with ``only``, the other commands are but names."""
    parser = Parser(prog="homemail", summary="the mail server that lives where its people live")
    parser.details = _DETAILS
    parser.examples = (
        "homemail try",
        "homemail check",
        "homemail queue list --directory DIR",
    )
    parser.add_argument("--version", action="store_true", help="print the version")
    for command in COMMANDS:
        below = parser.add_command(command.name, command.summary)
        if only in (None, command.name):
            importlib.import_module(command.module).configure(below)
    return parser
