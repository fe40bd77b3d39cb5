# SPDX-License-Identifier: MIT
"""Programs and scripts that final delivery uses for everybody."""

from __future__ import annotations

import shlex
import shutil
from collections.abc import Iterator
from pathlib import Path

from homemail.cli.finding import Finding, error, warning
from homemail.config.settings import Settings
from homemail.mda.program import PATH
from homemail.sieve import ScriptErrors, compile_script, limits_of


def check_delivery(settings: Settings) -> Iterator[Finding]:
    """Look at ``mailbox_command``, ``mailbox_transport`` and the scripts of the house."""
    local = settings.local
    if local.mailbox_command and local.mailbox_transport:
        yield warning(
            "mailbox_command does nothing beside mailbox_transport", "take one of them out"
        )
    elif local.mailbox_command:
        yield from _check_command(local.mailbox_command, settings.mailbox.home_mailbox)
    for path in (*settings.sieve.sieve_before, *settings.sieve.sieve_after):
        yield from _check_script(path, settings)


def _check_command(command: str, home_mailbox: str) -> Iterator[Finding]:
    yield warning(
        f"mailbox_command takes the mail of everybody without a Sieve script, and {home_mailbox} "
        "shows only what that program files there"
    )
    try:
        program = shlex.split(command)[0]
    except (ValueError, IndexError):
        return
    if program.startswith("/") and shutil.which(program, path=PATH) is None:
        yield error(f"mailbox_command: there is no program {program}", "mail waits until it is")


def _check_script(path: Path, settings: Settings) -> Iterator[Finding]:
    try:
        octets = path.read_bytes()
    except OSError as trouble:
        yield error(f"{path}: {trouble.strerror}", "the script is passed over until it can be read")
        return
    script = compile_script(octets, limits_of(settings.sieve))
    if isinstance(script, ScriptErrors):
        for wrong in script.errors:
            yield error(f"{path}:{wrong.line}:{wrong.column}: {wrong.text}")
