# SPDX-License-Identifier: MIT
"""``homemail try``: a complete server on this machine, at once, without root or questions."""

from __future__ import annotations

import argparse
import asyncio
import os
import smtplib
import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from homemail.cli import trial
from homemail.cli.failures import Failed
from homemail.cli.output import printable, styled
from homemail.cli.parser import Arguments, Parser
from homemail.durable import write_atomic
from homemail.log import log_to
from homemail.roles.listeners import Listener, PortTaken, bind

if TYPE_CHECKING:
    from homemail.config.load import Loaded
    from homemail.config.settings import Settings

DEFAULT_DIRECTORY = Path("~/homemail-try")


def configure(parser: Parser) -> None:
    """Add the words of this command."""
    parser.details = (
        "Starts SMTP, LMTP, submission, IMAP, POP3 and ManageSieve on 127.0.0.1 and ::1 for the "
        f"domain {trial.DOMAIN} with the accounts alice, bob and carol, says how to use them, and "
        "runs until Ctrl-C. Everything is kept below one directory and is there again next time. "
        "Without --directory this is ~/homemail-try."
    )
    parser.examples = (
        "homemail try",
        "homemail try --directory /tmp/mail --port-base 3000",
        "homemail try --settings mine.toml",
    )
    parser.add_argument(
        "--port-base",
        metavar="N",
        type=_port_base,
        default=2000,
        help="ports are N plus the standard port: smtp N+25, imap N+143, and so on; "
        "2000 where nothing is said",
    )
    parser.add_argument(
        "--settings",
        metavar="FILE",
        type=Path,
        help="a settings file whose settings come before those of this command",
    )
    parser.set_defaults(run=run)


def _port_base(text: str) -> int:
    base = int(text) if text.isdecimal() else -1
    if not 0 <= base <= trial.LARGEST_BASE:
        raise argparse.ArgumentTypeError(f"expected a number from 0 to {trial.LARGEST_BASE}")
    return base


def run(arguments: Arguments) -> int:
    """Run the server until a signal ends it."""
    if hasattr(arguments, "config"):
        raise Failed('"homemail try" takes --directory; --config is for "homemail serve"')
    chosen: Path = getattr(arguments, "directory", DEFAULT_DIRECTORY)
    directory = chosen.expanduser().absolute()
    holds = _holds_outside_mail(arguments.settings)
    try:
        lock = trial.take(directory)
    except trial.DirectoryTaken as error:
        raise Failed(str(error)) from None
    except OSError as error:
        raise Failed(f"{directory} cannot be used: {error.strerror}") from None
    try:
        # First of all, before what takes a moment to load: one that was killed has left its own.
        (directory / "ready.json").unlink(missing_ok=True)
        from homemail.cli.usable import with_places

        made = trial.furnish(directory, arguments.port_base, hold_outside_mail=holds)
        loaded = _settings(directory, arguments.settings)
        with with_places(loaded):
            return _serve(made, loaded.settings)
    finally:
        lock.close()


def _holds_outside_mail(file: Path | None) -> bool:
    """Whether mail for elsewhere waits: until ``--settings`` say where it goes."""
    if file is None:
        return True
    try:
        return "relayhost" not in tomllib.loads(file.read_text("utf-8"))
    except (OSError, ValueError):
        return True  # told of, with file and line, when the settings are loaded


def _settings(directory: Path, file: Path | None) -> Loaded:
    """Load the settings, then keep a copy of ``file`` for the other commands."""
    from homemail.cli.usable import usable_settings
    from homemail.config.load import load_with_origins

    base, kept = directory / "homemail.toml", directory / "settings.toml"
    if file is None:
        kept.unlink(missing_ok=True)
        loaded = load_with_origins([base])
        usable_settings(loaded)
        return loaded
    loaded = load_with_origins([base, file])
    usable_settings(loaded)
    if not (kept.exists() and kept.samefile(file)):
        write_atomic(kept, file.read_bytes())
    return loaded


def _serve(made: trial.Trial, settings: Settings) -> int:
    from homemail.app import House
    from homemail.cli.foreground import run_house

    house = House(settings, programs_as_root=True)
    try:
        listeners = bind(settings.ports, settings.site.inet_interfaces)
    except PortTaken as error:
        advice = '; choose other ports, for example with "--port-base 3000"'
        raise Failed(f"{error}{advice if error.is_about_the_number else ''}") from None
    log_to(made.directory / "homemail.log")
    ports = {listener.service: listener.address[1] for listener in listeners}
    host = listeners[0].address[0] if listeners else "127.0.0.1"

    async def ready() -> None:
        await _answering(listeners)
        if made.is_new and "smtp" in ports:
            await _welcome(made, host, ports["smtp"])
        write_atomic(made.ready_file, trial.ready(made, os.getpid(), host, ports))
        _show(made, host, ports)

    try:
        return run_house(house, listeners, ready)
    finally:
        made.ready_file.unlink(missing_ok=True)


async def _answering(listeners: Sequence[Listener]) -> None:
    """Wait until every listener takes a connection."""
    for listener in listeners:
        _, writer = await asyncio.open_connection(*listener.address)
        writer.close()


async def _welcome(made: trial.Trial, host: str, port: int) -> None:
    try:
        await asyncio.to_thread(trial.send_welcome, host, port)
        made.remember_welcome()
    except (smtplib.SMTPException, OSError) as error:
        print(f"The welcome message could not be sent: {error}")


def _show(made: trial.Trial, host: str, ports: dict[str, int]) -> None:
    print(styled(f"homemail is ready: a complete mail server for {trial.DOMAIN}.", "bold"))
    print(f"Everything is in {made.directory}/ and stays there. Ctrl-C ends it.\n")
    for heading, line in trial.screen(made, host, ports):
        print(f"{styled(f'{heading:13}', 'bold')} {printable(line)}")
    sys.stdout.flush()
