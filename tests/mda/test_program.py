# SPDX-License-Identifier: MIT
"""Programs, really run."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest

from homemail.mda.program import OUTPUT_LIMIT, PATH, Program, argument_list, run_program, safe_value
from homemail.model.reply import Reply
from tests.loop import LoopThread


def run(
    command: str, home: Path, message: tuple[bytes, ...] = (b"text\n",), limit: float = 20
) -> Reply | None:
    program = Program(command, {"PATH": PATH, "ONE": "1"}, home, limit)
    return asyncio.run(run_program(program, message))


def test_gets_message_surroundings_and_home(tmp_path: Path) -> None:
    assert run("cat >got; env >env; pwd >pwd", tmp_path, (b"a\n", b"b\n")) is None
    assert (tmp_path / "got").read_bytes() == b"a\nb\n"
    names = {line.partition("=")[0] for line in (tmp_path / "env").read_text().splitlines()}
    assert names <= {"PATH", "ONE", "PWD", "SHLVL", "_", "OLDPWD"}
    assert (tmp_path / "pwd").read_text().strip() == str(tmp_path)


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (0, None),
        (64, "451 4.3.0"),
        (65, "554 5.6.0"),
        (67, "550 5.1.1"),
        (69, "554 5.3.0"),
        (70, "554 5.3.0"),
        (75, "451 4.3.0"),
        (77, "554 5.7.0"),
        (1, "451 4.3.0"),
        (127, "451 4.3.0"),
        (255, "451 4.3.0"),
    ],
)
def test_exit_status(tmp_path: Path, status: int, expected: str | None) -> None:
    reply = run(f"exit {status}", tmp_path)
    assert (None if reply is None else f"{reply.code} {reply.status}") == expected


def test_signal_and_missing_program_wait(tmp_path: Path) -> None:
    for command in ("kill -9 $$", "/no/such/program", "no-such-program"):
        reply = run(command, tmp_path)
        assert reply is not None
        assert reply.temporary


def test_output_is_told_and_limited(tmp_path: Path) -> None:
    reply = run("printf 'no\\r\\n\\303\\274 more' >&2; exit 77", tmp_path)
    assert reply is not None
    assert reply.text == "permission denied. Command output: no ? more"
    reply = run("yes | head -c 1000000; exit 65", tmp_path)
    assert reply is not None
    assert len(reply.text) <= OUTPUT_LIMIT + 100


def test_need_not_read_everything(tmp_path: Path) -> None:
    assert run("exit 0", tmp_path, (b"x" * 65536,) * 100) is None


@pytest.mark.slow
def test_time_limit_kills_the_whole_group(tmp_path: Path) -> None:
    reply = run("sleep 1000 & echo $! >child; wait", tmp_path, limit=0.5)
    assert reply is not None
    assert reply.temporary
    assert "time limit" in reply.text
    child = int((tmp_path / "child").read_text())
    try:
        os.kill(child, signal.SIGCONT)
    except ProcessLookupError:
        return
    state = Path(f"/proc/{child}/stat").read_text().rpartition(")")[2].split()[0]
    assert state == "Z"


def test_memory_is_limited(tmp_path: Path) -> None:
    command = f"{sys.executable} -c 'print(len(bytearray(300_000_000)))'"
    program = Program(command, {"PATH": PATH}, tmp_path, 20, memory_limit=100_000_000)
    reply = asyncio.run(run_program(program, ()))
    assert reply is not None
    assert reply.temporary
    assert "MemoryError" in reply.text
    assert run(command, tmp_path) is None


def test_limits_of_processes_are_set(tmp_path: Path) -> None:
    command = "grep 'Max processes' /proc/self/limits >limits; grep core /proc/self/limits >core"
    program = Program(command, {"PATH": PATH}, tmp_path, 20, process_limit=50)
    assert asyncio.run(run_program(program, ())) is None
    assert 50 < int((tmp_path / "limits").read_text().split()[2]) < 50 + 5000
    assert (tmp_path / "core").read_text().split()[4] == "0"


@pytest.mark.slow
def test_what_stays_behind_does_not_hold_up_the_message(tmp_path: Path) -> None:
    assert run("sleep 5 & exit 0", tmp_path, limit=4) is None
    reply = run("echo no; sleep 5 & exit 77", tmp_path, (b"x" * 100_000,) * 10, limit=4)
    assert reply is not None
    assert reply.text == "permission denied. Command output: no"


def test_runs_in_the_loop_of_the_server(tmp_path: Path, loop_thread: LoopThread) -> None:
    program = Program("cat >got; exit 77", {"PATH": PATH}, tmp_path, 20)
    reply = loop_thread.run(run_program(program, (b"x" * 100_000,) * 10))
    assert reply is not None
    assert reply.status == "5.7.0"
    assert (tmp_path / "got").stat().st_size == 1_000_000


def test_shell_only_where_it_is_needed() -> None:
    assert argument_list("/bin/cat -u x") == ("/bin/cat", "-u", "x")
    assert argument_list("cat -u") == ("cat", "-u")
    assert argument_list("cat $x")[:2] == ("/bin/sh", "-c")
    assert argument_list("exit 1")[:2] == ("/bin/sh", "-c")


def test_safe_value() -> None:
    assert safe_value("a+b.c@x") == "a+b.c@x"
    assert safe_value("$(rm -r) `;|&!\n'\"") == "__rm_-r__________"


def test_arguments_are_taken_word_by_word(tmp_path: Path) -> None:
    words = ("/bin/sh", "-c", 'printf %s "$1" >got', "sh", "a $(id) 'b")
    program = Program("sh", {"PATH": PATH}, tmp_path, 20, arguments=words)
    assert asyncio.run(run_program(program, ())) is None
    assert (tmp_path / "got").read_text() == "a $(id) 'b"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root runs programs as somebody else")
def test_runs_as_another_user(tmp_path: Path) -> None:
    tmp_path.chmod(0o777)
    words = ("/usr/bin/id", "-un")
    program = Program("id", {"PATH": PATH}, Path("/"), 20, arguments=words, user="nobody")
    assert asyncio.run(run_program(program, ())) is None
