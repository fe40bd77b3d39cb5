# SPDX-License-Identifier: MIT
"""How a command says that it cannot: one clear line on stderr, and an exit status."""

from __future__ import annotations

import sys
import traceback

from homemail.cli.output import printable
from homemail.errors import ConfigError, MailError

FAILED = 1
WRONG_USAGE = 2
INTERRUPTED = 130  # 128 + SIGINT, as a shell has it
PIPE_CLOSED = 141  # 128 + SIGPIPE


class Failed(Exception):
    """A command cannot do what was asked; the text says why, and what would help."""


class UsageError(Exception):
    """The words of the command line are wrong. ``program`` is the command they were for."""

    def __init__(self, text: str, program: str = "homemail") -> None:
        super().__init__(text)
        self.program = program


def report(error: Exception, *, show_traceback: bool) -> int:
    """Say on stderr what went wrong and return the exit status."""
    if show_traceback:
        traceback.print_exception(error)
    for line in _lines(error):
        print(printable(line), file=sys.stderr)
    return WRONG_USAGE if isinstance(error, UsageError) else FAILED


def _lines(error: Exception) -> list[str]:
    match error:
        case ConfigError():  # begins with file and line, as editors like it
            return str(error).split("\n")
        case UsageError():
            link = " See" if str(error).endswith("?") else "; see"
            return [f'homemail: {error}{link} "{error.program} --help"']
        case Failed():
            return [f"homemail: {error}"]
        case MailError():
            cause = f" ({error.__cause__})" if error.__cause__ else ""
            return [f"homemail: {error.text}{cause}"]
        case OSError() if error.filename and error.strerror:
            return [f"homemail: {error.filename}: {error.strerror}"]
        case _:
            what = f"{type(error).__name__}: {error}".split("\n")[0].removesuffix(": ")
            return [f"homemail: unexpected {what}; --traceback shows where it happened"]
