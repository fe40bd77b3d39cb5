# SPDX-License-Identifier: MIT
"""The README's commands do what it says, one after the other, as a newcomer would type them."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.house.server import START_SECONDS, free_base, need

ROOT = Path(__file__).parent.parent.parent
pytestmark = [pytest.mark.slow, pytest.mark.real]


def commands() -> list[str]:
    """Return what follows ``$`` in the README's console blocks."""
    text = (ROOT / "README.md").read_text("utf-8")
    blocks = re.findall(r"```console\n(.*?)```", text, re.DOTALL)
    return [line[2:] for block in blocks for line in block.splitlines() if line.startswith("$ ")]


def test_the_readme_begins_with_make_run_and_names_make_test():
    assert commands()[0] == "make run"
    assert "make test" in commands()


def test_the_commands_work(tmp_path):
    for program in ("make", "swaks", "curl"):
        need(program)
    base = free_base()
    binaries = Path(sys.executable).parent
    if not (binaries / "homemail").exists():
        pytest.skip("homemail is not installed beside this Python")
    environment = {**os.environ, "HOME": str(tmp_path), "VENV": str(binaries.parent)}
    outputs: dict[str, str] = {}
    server = subprocess.Popen(
        ["make", "-s", "run", f"VENV={binaries.parent}", f"ARGS=--port-base {base}"],
        cwd=ROOT,
        env=environment,
        stdout=(tmp_path / "screen").open("w"),
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        ready = tmp_path / "homemail-try" / "ready.json"
        limit = time.monotonic() + START_SECONDS
        while not ready.exists():
            assert server.poll() is None, (tmp_path / "screen").read_text()
            assert time.monotonic() < limit
            time.sleep(0.02)
        for command in commands():
            if command.startswith("make"):
                continue
            done = subprocess.run(
                _adapt(command, base, binaries),
                shell=True,
                cwd=tmp_path,
                env=environment,
                capture_output=True,
                text=True,
                timeout=60,
                check=False,
            )
            assert done.returncode == 0, (command, done.stdout, done.stderr)
            outputs[command] = done.stdout
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait(20)
    [by_imap] = [said for command, said in outputs.items() if "imap://" in command]
    assert "This is a test mailing" in by_imap
    [by_pop3] = [said for command, said in outputs.items() if "pop3://" in command]
    assert "Welcome to homemail" in by_pop3
    assert "secret" not in (tmp_path / "homemail-try" / "homemail.log").read_text()


@pytest.mark.parametrize("target", ["run", "test", "check", "quick", "format", "docs"])
def test_the_makefile_has_what_the_documents_name(target):
    done = subprocess.run(
        [need("make"), "-n", target], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def _adapt(command: str, base: int, binaries: Path) -> str:
    """Use the test's own ports and environment instead of the ones in the text."""
    command = re.sub(r":2(\d{3})\b", lambda m: f":{base + int(m[1])}", command)
    return command.replace(".venv/bin/", f"{binaries}/")
