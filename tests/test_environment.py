# SPDX-License-Identifier: MIT
"""``contrib/environment``, which ``make`` calls: what it says where something is missing."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[1] / "contrib" / "environment"
TOOLS = ("sh", "sed", "cmp", "dirname", "cp", "rm", "grep", "tail", "mkdir", "chmod", "cat")
NO_VENV = """
case "$*" in
*venv*) echo "ensurepip is not available" >&2; exit 1 ;;
esac
"""
NO_COMPILER = """
case "$*" in
*"-m venv"*) mkdir -p "$3/bin"; cp "$0" "$3/bin/python" ;;
*"-m pip"*) echo "error: command 'gcc' failed: No such file or directory"; exit 1 ;;
--version) echo "Python 3.12.0" ;;
esac
"""
NO_NETWORK = NO_COMPILER.replace(
    "error: command 'gcc' failed: No such file or directory", "no index"
)


@pytest.fixture
def machine(tmp_path):
    """A function that runs the script where only a Python that does as told is installed."""
    programs = tmp_path / "bin"
    programs.mkdir()
    for tool in TOOLS:
        (programs / tool).symlink_to(shutil.which(tool))
    # The script leaves nothing beside itself in a copy of the sources.
    (tmp_path / "contrib").mkdir()
    script = shutil.copy(SCRIPT, tmp_path / "contrib")
    (tmp_path / "setup.cfg").write_text("")

    def run(python: str | None, **environment: str) -> tuple[int, str]:
        if python is not None:
            (programs / "python3").write_text(f"#!/bin/sh\n{python}\n")
            (programs / "python3").chmod(0o755)
        done = subprocess.run(
            [script, str(tmp_path / "venv"), "fast"],
            env={"PATH": str(programs), **environment},
            capture_output=True,
            text=True,
            check=False,
        )
        return done.returncode, done.stderr

    return run


def test_no_python(machine):
    status, said = machine(None)
    assert status == 1
    assert "needs Python 3.11 or later, and none was found" in said
    assert "apt install python3 python3-venv" in said


def test_an_old_python_is_none(machine):
    assert "none was found" in machine("exit 1")[1]


def test_a_python_that_was_named_and_is_not_there(machine):
    status, said = machine("exit 0", PYTHON="/usr/bin/python9")
    assert (status, said) == (
        1,
        "/usr/bin/python9 is no Python 3.11 or later (it was named by PYTHON=).\n",
    )


def test_no_venv_module(machine, tmp_path):
    status, said = machine(NO_VENV)
    assert status == 1
    assert "ensurepip is not available" in said
    assert "apt install python3-venv" in said
    assert not (tmp_path / "venv").exists()


def test_no_compiler(machine):
    status, said = machine(NO_COMPILER)
    assert status == 1
    assert "a compiler or its headers are missing" in said
    assert "apt install build-essential python3-dev" in said


def test_no_network(machine):
    status, said = machine(NO_NETWORK)
    assert status == 1
    assert "PIP_INDEX_URL" in said
    assert "install.log" in said
