# SPDX-License-Identifier: MIT
"""mbox files and Maildirs outside the store."""

from __future__ import annotations

import fcntl
import itertools
import mailbox
import multiprocessing
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from homemail import durable
from homemail.errors import LockTimeout, Refused, StorageFull, Temporary
from homemail.mda.append_file import append_mbox, drop_in_maildir

FIRST = b"From bob@x.org  Sat Nov 21 12:00:00 2026\n"
TEXT = b"Subject: hi\n\nFrom here\n>From there\nno end"


def lines(text: bytes = TEXT, size: int = 7) -> Iterator[bytes]:
    return (text[at : at + size] for at in range(0, len(text), size))


def append(path: Path, text: bytes = TEXT, size: int = 7) -> None:
    append_mbox(path, FIRST, lambda: lines(text, size), os.geteuid(), pause=0)


@pytest.mark.parametrize("size", [1, 2, 5, 1000])
def test_append(tmp_path: Path, size: int) -> None:
    path = tmp_path / "box"
    append(path, size=size)
    append(path, b"Subject: two\n\n")
    assert path.read_bytes() == (
        FIRST
        + b"Subject: hi\n\n>From here\n>>From there\nno end\n\n"
        + FIRST
        + b"Subject: two\n\n\n"
    )
    assert path.stat().st_mode & 0o777 == 0o600
    assert [m["subject"] for m in mailbox.mbox(path)] == ["hi", "two"]
    assert not (tmp_path / "box.lock").exists()


def test_file_without_a_last_line_end(tmp_path: Path) -> None:
    (tmp_path / "box").write_bytes(b"rest")
    append(tmp_path / "box")
    assert (tmp_path / "box").read_bytes().startswith(b"rest\nFrom ")


def test_failed_write_is_taken_back(tmp_path: Path) -> None:
    path = tmp_path / "box"
    append(path)
    before = path.read_bytes()

    def full() -> Iterator[bytes]:
        yield b"Subject: x\n"
        raise OSError(28, "No space left on device")

    with pytest.raises(StorageFull):
        append_mbox(path, FIRST, full, os.geteuid(), pause=0)
    assert path.read_bytes() == before


def test_dot_lock_is_waited_for(tmp_path: Path) -> None:
    (tmp_path / "box.lock").touch()
    with pytest.raises(LockTimeout):
        append(tmp_path / "box")
    assert (tmp_path / "box.lock").exists()
    os.utime(tmp_path / "box.lock", (0, 0))
    append(tmp_path / "box")


def _hold(path: Path, ready: object, leave: object) -> None:
    with path.open("ab") as file:
        fcntl.lockf(file, fcntl.LOCK_EX)
        ready.set()  # type: ignore[attr-defined]
        leave.wait(20)  # type: ignore[attr-defined]


@pytest.mark.slow
def test_fcntl_lock_is_waited_for(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    ready, leave = context.Event(), context.Event()
    holder = context.Process(target=_hold, args=(tmp_path / "box", ready, leave))
    holder.start()
    try:
        assert ready.wait(20)
        with pytest.raises(LockTimeout):
            append(tmp_path / "box")
    finally:
        leave.set()
        holder.join()


def test_what_is_no_file_of_the_owner_is_refused(tmp_path: Path) -> None:
    (tmp_path / "real").touch()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    (tmp_path / "directory").mkdir()
    os.mkfifo(tmp_path / "pipe")
    for name in ("link", "directory", "pipe"):
        with pytest.raises(Refused):
            append(tmp_path / name)
    with pytest.raises(Refused):
        append_mbox(tmp_path / "real", FIRST, lines, os.geteuid() + 1, pause=0)


def test_maildir(tmp_path: Path) -> None:
    drop_in_maildir(tmp_path / "Copy", tmp_path, lines)
    (new,) = (tmp_path / "Copy" / "new").iterdir()
    assert new.read_bytes() == TEXT
    assert not list((tmp_path / "Copy" / "tmp").iterdir())
    assert [m["subject"] for m in mailbox.Maildir(tmp_path / "Copy")] == ["hi"]


def test_maildir_is_inside_the_home(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / "out").symlink_to(tmp_path)
    for path in (tmp_path / "other", home / ".." / "other", home / "out" / "x", home):
        with pytest.raises(Refused):
            drop_in_maildir(path, home, lines)


def test_file_is_synced_before_the_call_returns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[str] = []
    monkeypatch.setattr(durable, "step", lambda what, where: steps.append(what))
    append(tmp_path / "box")
    assert steps[-2:] == ["fsync", "fsync"]
    steps.clear()
    drop_in_maildir(tmp_path / "Copy", tmp_path, lines)
    assert steps[-3:] == ["fsync", "rename", "fsync"]


def test_every_step_may_fail(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, copy = tmp_path / "box", tmp_path / "Copy"
    drop_in_maildir(copy, tmp_path, lines)
    append(path)
    before, after = path.read_bytes(), path.read_bytes() * 2
    for call, most in ((lambda: append(path), 12), (lambda: drop(copy, tmp_path), 9)):
        for number in range(most):
            with monkeypatch.context() as patch:
                patch.setattr(durable, "step", _failing_at(number))
                try:
                    call()
                except Temporary:
                    pass
            assert path.read_bytes() in (before, after)
            path.write_bytes(before)
            assert not (tmp_path / "box.lock").exists()
            assert not list((copy / "tmp").iterdir())
            assert all(file.read_bytes() == TEXT for file in (copy / "new").iterdir())


def drop(directory: Path, home: Path) -> None:
    drop_in_maildir(directory, home, lines)


def _failing_at(number: int) -> durable.Step:
    left = itertools.count(number, -1)

    def step(what: str, where: str) -> None:
        if next(left) == 0:
            raise OSError(5, "Input/output error")

    return step
