# SPDX-License-Identifier: MIT
"""``homemail completion``, asked by the shells themselves."""

from __future__ import annotations

import shutil
import subprocess

import pytest

pytestmark = pytest.mark.slow  # a shell is started

BASH = """
source "$0"
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _homemail; echo "${COMPREPLY[@]}"
"""


@pytest.fixture
def script(homemail, tmp_path):
    def write(shell: str) -> str:
        file = tmp_path / f"_homemail.{shell}"
        file.write_text(homemail("completion", shell).out)
        return str(file)

    return write


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["a"], "account"),
        (["account", "dis"], "disable"),
        (["--directory", "account", "set"], "settings"),
        (["account", "--directory", "x", "pass"], "password"),
        (["account", "add", "--gen"], "--generate"),
        (["account", "show", "alice", "--j"], "--json"),
        (["--config", ""], ""),
        (["nonsense", ""], ""),
    ],
)
def test_bash(script, words, expected):
    bash = shutil.which("bash")
    if not bash:
        pytest.skip("bash is not installed")
    command = [bash, "-c", BASH, script("bash"), "homemail", *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.stdout.strip(), done.stderr) == (expected, "")


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_the_other_shells_can_read_theirs(script, shell):
    program = shutil.which(shell)
    if not program:
        pytest.skip(f"{shell} is not installed")
    done = subprocess.run(
        [program, "-n", script(shell)], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_an_unknown_shell(homemail):
    result = homemail("completion", "tcsh")
    assert result.status == 2
    assert "tcsh" in result.err
