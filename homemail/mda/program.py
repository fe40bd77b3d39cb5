# SPDX-License-Identifier: MIT
"""Runs a program that takes a message; its exit status is read by sysexits.

The program runs under our own uid (the worker is the owner's), in the owner's home, as the leader
of a process group that is killed when its time is over.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import shutil
import signal
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from homemail.model.reply import Reply

PATH = "/usr/local/bin:/usr/bin:/bin"
OUTPUT_LIMIT = 4096
_NO_SHELL = re.compile(r"[A-Za-z0-9!@%\-_=+:,./\t ]+")
_UNSAFE = re.compile(r"[^A-Za-z0-9@%\-_=+:,./]")
_SYSEXITS: Mapping[int, tuple[int, str, str]] = {
    65: (554, "5.6.0", "data format error"),
    66: (554, "5.3.0", "cannot open input"),
    67: (550, "5.1.1", "user unknown"),
    68: (550, "5.1.2", "host name unknown"),
    69: (554, "5.3.0", "service unavailable"),
    70: (554, "5.3.0", "internal software error"),
    71: (451, "4.3.0", "system resource problem"),
    72: (554, "5.3.0", "critical system file missing"),
    73: (554, "5.2.0", "cannot create the user's output file"),
    74: (451, "4.3.0", "input/output error"),
    75: (451, "4.3.0", "temporary failure"),
    76: (554, "5.5.0", "remote error in protocol"),
    77: (554, "5.7.0", "permission denied"),
    78: (554, "5.3.5", "local configuration error"),
}
"""As Postfix reads them, but for 64: wrong usage waits, as somebody will mend the line."""


@dataclass(frozen=True, slots=True)
class Program:
    """A command line with the surroundings it runs in. ``time_limit`` in seconds."""

    command: str
    environment: Mapping[str, str]
    home: Path
    time_limit: float


def safe_value(text: str) -> str:
    """Return ``text`` with everything that means something to a shell replaced by ``_``."""
    return _UNSAFE.sub("_", text)


def argument_list(command: str) -> tuple[str, ...]:
    """Return how to start ``command``: by itself where it is plain words, else by the shell."""
    words = tuple(command.split())
    if words and _NO_SHELL.fullmatch(command) and shutil.which(words[0], path=PATH):
        return words
    return ("/bin/sh", "-c", command)


async def run_program(program: Program, message: Iterable[bytes]) -> Reply | None:
    """Run ``program`` with ``message`` at its standard input; None when it took the message.

    What it wrote (the beginning of it) is in the text of the reply.
    """
    process = await asyncio.create_subprocess_exec(
        *argument_list(program.command),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        cwd=program.home,
        env=dict(program.environment),
        start_new_session=True,
    )
    try:
        async with asyncio.timeout(program.time_limit):
            _, output = await asyncio.gather(_feed(process, message), _output(process))
            status = await process.wait()
    except TimeoutError:
        return Reply(451, "4.3.0", f"Command time limit exceeded: {program.command[:200]}")
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)
            await process.wait()
    return _reply(status, output)


async def _feed(process: asyncio.subprocess.Process, message: Iterable[bytes]) -> None:
    """Write the message; a program need not read all of it."""
    pipe = cast(asyncio.StreamWriter, process.stdin)
    try:
        for piece in message:
            pipe.write(piece)
            await pipe.drain()
        pipe.close()
        await pipe.wait_closed()
    except (BrokenPipeError, ConnectionResetError):
        pipe.close()


async def _output(process: asyncio.subprocess.Process) -> bytes:
    pipe = cast(asyncio.StreamReader, process.stdout)
    kept = b""
    while piece := await pipe.read(OUTPUT_LIMIT):
        kept = (kept + piece)[:OUTPUT_LIMIT]
    return kept


def _reply(status: int, output: bytes) -> Reply | None:
    if status == 0:
        return None
    code, enhanced, text = 451, "4.3.0", f"Command died with status {status}"
    if status < 0:
        text = f"Command died with signal {-status}"
    elif status in _SYSEXITS:
        code, enhanced, text = _SYSEXITS[status]
    shown = " ".join(output.decode("utf-8", "replace").split())
    shown = "".join(letter if " " <= letter <= "~" else "?" for letter in shown)
    return Reply(code, enhanced, f"{text}. Command output: {shown}" if shown else text)
