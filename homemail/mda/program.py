# SPDX-License-Identifier: MIT
"""Runs a program that takes a message; its exit status is read by sysexits.

The program runs under our own uid (the worker is the owner's), in the owner's home, as the leader
of a process group that is killed when its time is over. Limits of memory and processes are set by
a shell in front of it: what Python would run between fork and exec is not safe beside threads.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import pwd
import re
import resource
import shutil
import signal
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from homemail.model.reply import Reply

PATH = "/usr/local/bin:/usr/bin:/bin"
OUTPUT_LIMIT = 4096
_LAST_WORDS = 1.0  # seconds for output after the end: children that stay hold the pipe open
_LIMITED = """\
ulimit -c 0
[ "$1" = - ] || ulimit -d "$1"
[ "$2" = - ] || ulimit -p "$2" 2>/dev/null || ulimit -u "$2"
shift 2
exec "$@"
"""
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
    """A command line with the surroundings it runs in.

    ``time_limit`` in seconds; ``memory_limit`` in octets for each process; ``process_limit`` counts
    processes and threads beside those that the user has. 0 is no limit. With ``arguments`` they are
    the program and what it gets, word by word, and ``command`` is for the log. ``user`` is whom it
    runs as, with that user's groups, where this process is root; empty: as we are.
    """

    command: str
    environment: Mapping[str, str]
    home: Path
    time_limit: float
    memory_limit: int = 0
    process_limit: int = 0
    arguments: tuple[str, ...] = ()
    user: str = ""


def safe_value(text: str) -> str:
    """Return ``text`` with everything that means something to a shell replaced by ``_``."""
    return _UNSAFE.sub("_", text)


def argument_list(command: str) -> tuple[str, ...]:
    """Return how to start ``command``: by itself where it is plain words, else by the shell."""
    words = tuple(command.split())
    if words and _NO_SHELL.fullmatch(command) and shutil.which(words[0], path=PATH):
        return words
    return ("/bin/sh", "-c", command)


def _limited(program: Program) -> tuple[str, ...]:
    """Return how to start ``program`` under its limits."""
    memory = _allowed(resource.RLIMIT_DATA, program.memory_limit)
    running = _running_tasks() if program.process_limit else 0
    processes = _allowed(
        resource.RLIMIT_NPROC, program.process_limit and running + program.process_limit
    )
    limits = ("-" if memory is None else str(memory // 1024), str(processes or "-"))
    words = program.arguments or argument_list(program.command)
    return ("/bin/sh", "-c", _LIMITED, "sh", *limits, *words)


def _identity(user: str) -> dict[str, Any]:
    """Return what makes a process run as ``user``.

    Raises:
        KeyError: there is no such user.
    """
    if not user:
        return {}
    entry = pwd.getpwnam(user)
    groups = os.getgrouplist(user, entry.pw_gid)
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": groups}


def _allowed(which: int, wanted: int) -> int | None:
    """Return the limit to set; None where none is wanted, or a lower one holds already."""
    hard = resource.getrlimit(which)[1]
    if not wanted or 0 <= hard <= wanted:
        return None
    return wanted


def _running_tasks() -> int:
    """Return how many processes and threads our user has, as the kernel counts for its limit."""
    uid, count = os.getuid(), 0
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if process.stat().st_uid == uid:
                count += len(os.listdir(process / "task"))
    return count


async def run_program(program: Program, message: Iterable[bytes]) -> Reply | None:
    """Run ``program`` with ``message`` at its standard input; None when it took the message.

    What it wrote (the beginning of it) is in the text of the reply.
    """
    process = await asyncio.create_subprocess_exec(
        *_limited(program),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        cwd=program.home,
        env=dict(program.environment),
        start_new_session=True,
        **_identity(program.user),
    )
    output = bytearray()
    talk = asyncio.gather(_feed(process, message), _read(process, output))
    try:
        async with asyncio.timeout(program.time_limit):
            status = await _end(process, talk)
    except BaseException as error:
        # Also where it has ended itself: what it started may be what takes so long.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        await _reap(process)
        if isinstance(error, TimeoutError):
            return Reply(451, "4.3.0", f"Command time limit exceeded: {program.command[:200]}")
        raise
    finally:
        talk.cancel()
        await asyncio.gather(talk, return_exceptions=True)
        # A child that stays must not keep our ends of the pipes open.
        cast(Any, process)._transport.close()
    return _reply(status, bytes(output))


async def _end(process: asyncio.subprocess.Process, talk: asyncio.Future[Any]) -> int:
    """Wait for the program's end, and for what it writes; return its exit status."""
    end = asyncio.ensure_future(_reap(process))
    try:
        await asyncio.wait({talk, end}, return_when=asyncio.FIRST_COMPLETED)
        if talk.done():
            talk.result()
            return await end
        await asyncio.wait({talk}, timeout=_LAST_WORDS)
        return await end
    finally:
        end.cancel()


async def _reap(process: asyncio.subprocess.Process) -> int:
    """Return the exit status, as soon as it is there.

    ``Process.wait`` of some versions also waits for every child that holds the pipe.
    """
    pause = 0.001
    while process.returncode is None:
        await asyncio.sleep(pause)
        pause = min(pause * 2, 0.1)
    return process.returncode


async def _feed(process: asyncio.subprocess.Process, message: Iterable[bytes]) -> None:
    """Write the message; a program need not read all of it."""
    pipe = cast(asyncio.StreamWriter, process.stdin)
    try:
        for piece in message:
            if pipe.is_closing():  # uvloop raises RuntimeError where asyncio drops the octets
                return
            pipe.write(piece)
            await pipe.drain()
        pipe.close()
        await pipe.wait_closed()
    except (BrokenPipeError, ConnectionResetError):
        pipe.close()


async def _read(process: asyncio.subprocess.Process, output: bytearray) -> None:
    """Read all that it writes; ``output`` gets the beginning."""
    pipe = cast(asyncio.StreamReader, process.stdout)
    while piece := await pipe.read(OUTPUT_LIMIT):
        output += piece[: OUTPUT_LIMIT - len(output)]


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
