# SPDX-License-Identifier: MIT
"""Other people's servers, started by the tests on loopback in directories of their own.

``.ci/peers`` installs or unpacks them; a test whose peer is missing is skipped with a sentence.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

UNPACKED = Path(__file__).parents[2] / ".ci" / "samples"
START_SECONDS = 60.0


def find(program: str) -> Path:
    """Return the path of a peer's program, or skip the test."""
    places = [*os.environ.get("PATH", "").split(":"), "/usr/sbin", str(UNPACKED / "usr/sbin")]
    found = shutil.which(program, path=":".join(places))
    if found is None:
        pytest.skip(f"{program} is not here (.ci/peers brings it)")
    return Path(found)


def need_root(what: str) -> None:
    """Skip the test where we are not root, as ``what`` must be started by root."""
    if os.geteuid():
        pytest.skip(f"{what} must be started by root")


def free_port(kind: socket.SocketKind = socket.SOCK_STREAM) -> int:
    """Return a port of loopback that is free now."""
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_for(what: str, holds: Callable[[], object], seconds: float = START_SECONDS) -> None:
    """Wait until ``holds`` says so."""
    limit = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < limit, f"{what}: not within {seconds} s"
        time.sleep(0.05)


def listens(port: int) -> bool:
    """Whether somebody takes connections at a port of loopback."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


class Daemon:
    """A program in the foreground; ended at the end of the test."""

    def __init__(self, log: Path, *command: str | Path, **more) -> None:
        self._log = log.open("w+")
        self.process = subprocess.Popen(
            [str(word) for word in command],
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=subprocess.STDOUT,
            **more,
        )

    def stop(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self._log.close()
