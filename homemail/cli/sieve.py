# SPDX-License-Identifier: MIT
"""``homemail sieve``: check a script, try it on mail, see what it does, make one of procmail's."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from homemail.cli.failures import Failed
from homemail.cli.output import print_table, printable
from homemail.cli.parser import Arguments, Parser

if TYPE_CHECKING:
    from homemail.sieve import (
        ContentView,
        EnvelopeView,
        Load,
        Outcome,
        Script,
        Watch,
        Watched,
    )

_LARGEST = 100_000_000


def configure(parser: Parser) -> None:
    """Add the commands below."""
    parser.examples = (
        "homemail sieve check ~/.homemail.sieve",
        "homemail sieve run new.sieve --mailbox ~/Maildir",
        "homemail sieve from-procmail ~/.procmailrc > filter.sieve",
    )
    check = parser.add_command(
        "check",
        "say what is wrong with a script",
        run_check,
        details="Scripts that it includes are looked for beside it.",
        examples=("homemail sieve check filter.sieve",),
    )
    _add_script(check)
    run = parser.add_command(
        "run",
        "show what a script would do with mail; nothing is done",
        run_run,
        details=(
            "A row for each action: the message, the line of the script that wanted it, what it "
            'is. A line of "-" is the implicit keep.'
        ),
        examples=(
            "homemail sieve run new.sieve --message letter.eml",
            "homemail sieve run new.sieve --mailbox ~/Maildir",
        ),
    )
    _add_script(run)
    run.add_argument(
        "--message", type=Path, action="append", default=[], metavar="FILE", help="a message"
    )
    run.add_argument(
        "--mailbox", type=Path, metavar="BOX", help="every message of a Maildir or mbox file"
    )
    _add_envelope(run)
    trace = parser.add_command(
        "trace",
        "show each command and test of a script as it runs on one message",
        run_trace,
        examples=("homemail sieve trace filter.sieve --message letter.eml",),
    )
    _add_script(trace)
    trace.add_argument("--message", type=Path, required=True, metavar="FILE", help="a message")
    _add_envelope(trace)
    procmail = parser.add_command(
        "from-procmail",
        "turn procmail's recipes into a script",
        run_from_procmail,
        details="What cannot be turned stands in the script as a comment, and is told on stderr.",
        examples=("homemail sieve from-procmail ~/.procmailrc > filter.sieve",),
    )
    procmail.add_argument("file", type=Path, metavar="FILE", help="a procmailrc")


def _add_script(parser: Parser) -> None:
    parser.add_argument("file", type=Path, metavar="FILE", help="the script")


def _add_envelope(parser: Parser) -> None:
    parser.add_argument(
        "--from",
        dest="sender",
        metavar="ADDRESS",
        help="the envelope sender; without it that of Return-Path or From",
    )
    parser.add_argument(
        "--to",
        metavar="ADDRESS",
        help="the envelope recipient; without it that of Delivered-To or To",
    )


def run_check(arguments: Arguments) -> int:
    """Print what is wrong, in the form that editors know."""
    from homemail.sieve import ScriptErrors, compile_script

    script = compile_script(_read(arguments.file), load=_beside(arguments.file))
    if isinstance(script, ScriptErrors):
        for error in script.errors:
            print(printable(f"{arguments.file}:{error.line}:{error.column}: {error.text}"))
        return 1
    for warning in script.warnings:
        place = f"{arguments.file}:{warning.line}:{warning.column}"
        print(printable(f"{place}: warning: {warning.text}"))
    return 0


def run_run(arguments: Arguments) -> int:
    """Print a table of what would have happened."""
    script = _compiled(arguments.file)
    messages = [(str(path), _read(path)) for path in arguments.message]
    if arguments.mailbox is not None:
        messages += _messages(arguments.mailbox)
    if not messages:
        raise Failed("no message; name some with --message FILE or --mailbox BOX")
    rows: list[tuple[str, str, str]] = []
    failed = False
    for name, octets in messages:
        outcome = _outcome(script, octets, arguments)
        rows += [(name, line, action) for line, action in _actions(outcome)]
        failed = failed or outcome.error is not None
    print_table(("Message", "Line", "Action"), rows)
    return 1 if failed else 0


def run_trace(arguments: Arguments) -> int:
    """Print what runs, then what comes of it."""
    rows: list[tuple[str, str, str]] = []

    def watch(watched: Watched) -> None:
        place = f"{watched.line}:{watched.column}"
        where = f"{watched.script}:{place}" if watched.script else place
        answer = "" if watched.answer is None else "true" if watched.answer else "false"
        rows.append((where, watched.word, answer))

    script = _compiled(arguments.file, watch)
    outcome = _outcome(script, _read(arguments.message), arguments)
    print_table(("Line", "Word", "Answer"), rows)
    print()
    for line, action in _actions(outcome):
        print(printable(f"{line}: {action}"))
    return 1 if outcome.error is not None else 0


def run_from_procmail(arguments: Arguments) -> int:
    """Print the script."""
    from homemail.sieve.procmail import turn

    turned = turn(_read(arguments.file).decode("utf-8", "replace"))
    print(turned.script, end="")
    for line, why in turned.missing:
        print(f"{arguments.file}:{line}: not turned: {printable(why)}", file=sys.stderr)
    return 1 if turned.missing else 0


def _compiled(path: Path, watch: Watch | None = None) -> Script:
    from homemail.sieve import ScriptErrors, compile_script

    script = compile_script(_read(path), load=_beside(path), watch=watch)
    if isinstance(script, ScriptErrors):
        first = script.errors[0]
        raise Failed(f"{path}:{first.line}:{first.column}: {first.text}")
    return script


def _beside(path: Path) -> Load:
    from homemail.sieve.scripts import file_name

    def load(of_the_house: bool, name: str) -> bytes | None:
        try:
            return (path.parent / file_name(name)).read_bytes()
        except OSError:
            return None

    return load


def _outcome(script: Script, octets: bytes, arguments: Arguments) -> Outcome:
    from homemail.model.message import MemoryContent
    from homemail.sieve import ContentView, Surroundings, run

    view = ContentView(MemoryContent(octets))
    surroundings = Surroundings(datetime.now(UTC).astimezone(), mailbox_exists=lambda name: True)
    return run(script, view, _envelope(view, arguments), surroundings)


def _envelope(view: ContentView, arguments: Arguments) -> EnvelopeView:
    from homemail.model.address import Address
    from homemail.sieve import EnvelopeView

    def address(given: str | None, *names: str) -> Address | None:
        if given is not None:
            try:
                return Address.parse(given) if given.strip("<>") else None
            except ValueError as error:
                raise Failed(f"{given} is not an address: {error}") from None
        for name in names:
            for field in view.addresses(name):
                for seen in field:
                    try:
                        return Address.parse(f"{seen.local_part}@{seen.domain}")
                    except ValueError:
                        continue
        return None

    nobody = Address.parse("nobody@localhost")
    to = address(arguments.to, "delivered-to", "x-original-to", "to") or nobody
    return EnvelopeView(address(arguments.sender, "return-path", "from"), to)


def _actions(outcome: Outcome) -> Iterator[tuple[str, str]]:
    """Yield the line of each action, and the action in words."""
    from homemail.sieve.words import in_words

    if outcome.error is not None:
        yield str(outcome.error.line), f"error: {outcome.error.text}; keep"
        return
    lines = {id(action): line for line, action in outcome.log}
    wanted = {action: line for line, action in reversed(outcome.log)}
    for action in outcome.actions:
        line = lines.get(id(action), wanted.get(action))
        yield "-" if line is None else str(line), in_words(action)


def _read(path: Path) -> bytes:
    try:
        octets = path.read_bytes()
    except OSError as error:
        raise Failed(f"{path}: {error.strerror or error}") from None
    if len(octets) > _LARGEST:
        raise Failed(f"{path}: larger than {_LARGEST} octets")
    return octets


def _messages(box: Path) -> Iterator[tuple[str, bytes]]:
    """Yield the messages of a Maildir or an mbox file, by the name of the file or their number."""
    import mailbox

    if box.is_dir():
        for name in ("cur", "new"):
            directory = box / name
            for path in sorted(directory.iterdir()) if directory.is_dir() else ():
                if path.is_file() and not path.name.startswith("."):
                    yield path.name, _read(path)
    elif box.is_file():
        opened = mailbox.mbox(box, create=False)
        for number, key in enumerate(opened.keys(), 1):
            yield str(number), opened.get_bytes(key)
    else:
        raise Failed(f"{box}: there is no such Maildir or mbox file")
