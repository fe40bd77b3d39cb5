# SPDX-License-Identifier: MIT
"""The homemail command: one file per sub-command, listed in ``commands.py``."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from homemail.cli.commands import build_parser
from homemail.cli.failures import INTERRUPTED, PIPE_CLOSED, WRONG_USAGE, UsageError, report
from homemail.cli.parser import Parser, command_words
from homemail.config.spelling import nearest


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command in ``argv`` (the program's own words) and return its exit status."""
    words = list(sys.argv[1:] if argv is None else argv)
    show_traceback = "--traceback" in words or bool(os.environ.get("HOMEMAIL_TRACEBACK"))
    try:
        status = _run(words)
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader has left. The interpreter would complain when it flushes stdout at the end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return PIPE_CLOSED
    except KeyboardInterrupt:
        return INTERRUPTED
    except Exception as error:
        return report(error, show_traceback=show_traceback)
    return status


def _run(words: Sequence[str]) -> int:
    command = next(command_words(words), None)
    parser = build_parser(only=command or "")
    _refuse_unknown_commands(parser, words)
    try:
        arguments, unknown = parser.parse_known_args(words)
    except SystemExit as ended:  # argparse, after --help
        return int(ended.code or 0)
    if unknown:
        raise UsageError(f"unknown: {' '.join(unknown)}", _deepest(parser, words).prog)
    if "--version" in words and not command:
        arguments = build_parser(only="version").parse_args(["version"])
    if not hasattr(arguments, "run"):
        print(_deepest(parser, words).format_help(), file=sys.stderr, end="")
        return WRONG_USAGE
    if hasattr(arguments, "config") and hasattr(arguments, "directory"):
        raise UsageError("--config and --directory name two installations; give one")
    status: int = arguments.run(arguments)
    return status


def _deepest(parser: Parser, words: Sequence[str]) -> Parser:
    for word in command_words(words):
        parser = parser.commands.get(word, parser)
    return parser


def _refuse_unknown_commands(parser: Parser, words: Sequence[str]) -> None:
    for word in command_words(words):
        if not parser.commands:
            return
        if word not in parser.commands:
            raise UsageError(f'no command "{word}"{nearest(word, parser.commands)}', parser.prog)
        parser = parser.commands[word]
