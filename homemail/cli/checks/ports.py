# SPDX-License-Identifier: MIT
"""The ports: free, or taken by whom. A server of ours that runs already is no trouble."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path

from homemail.cli.finding import Finding, error, warning
from homemail.config.settings import Settings
from homemail.config.site import PortSettings
from homemail.roles.listeners import PortTaken, bind, close

_LISTENING = "0A"  # the state's number in /proc/net/tcp


@dataclass(frozen=True, slots=True)
class Process:
    """A running program."""

    pid: int
    name: str
    words: str

    @property
    def is_homemail(self) -> bool:
        return re.search(r"\bhomemail\b", self.words) is not None


def check_ports(settings: Settings) -> Iterator[Finding]:
    """Try to take each port for a moment."""
    off = {field.name: 0 for field in fields(PortSettings)}
    for service, port in ((name, getattr(settings.ports, name)) for name in off):
        try:
            alone = PortSettings(**(off | {service: port}))
            close(bind(alone, settings.site.inet_interfaces))
        except PortTaken as taken:
            cause = taken.__cause__
            number = cause.errno if isinstance(cause, OSError) else None
            yield from _explain(str(taken), number, port)


def _explain(text: str, number: int | None, port: int) -> Iterator[Finding]:
    if number in (errno.EACCES, errno.EPERM):
        yield warning(text, "run this check as root, or as the service manager starts the server")
        return
    if number != errno.EADDRINUSE:
        yield error(text, "choose other addresses in inet_interfaces")
        return
    process = listener_on(port)
    if process and process.is_homemail:
        return
    if process:
        text = text.replace("another program", f"{process.name} (process {process.pid})")
    yield error(text, "stop that program, or choose another port in [ports]")


def listener_on(port: int) -> Process | None:
    """Return the process that listens on a TCP port, where this user may see it."""
    inodes = {f"socket:[{inode}]" for inode in _listening_inodes(port)}
    if not inodes:
        return None
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if any(str(fd.readlink()) in inodes for fd in (process / "fd").iterdir()):
                return _process(process)
        except OSError:  # gone, or somebody else's
            continue
    return None


def _listening_inodes(port: int) -> Iterator[str]:
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        try:
            lines = Path(table).read_text().splitlines()[1:]
        except OSError:
            continue
        for words in map(str.split, lines):
            if words[3] == _LISTENING and int(words[1].rpartition(":")[2], 16) == port:
                yield words[9]


def _process(directory: Path) -> Process:
    name = (directory / "comm").read_text().strip()
    words = os.fsdecode((directory / "cmdline").read_bytes()).replace("\0", " ").strip()
    return Process(int(directory.name), name, words)
