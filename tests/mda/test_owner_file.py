# SPDX-License-Identifier: MIT
"""Which files are trusted."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from homemail.errors import Temporary
from homemail.mda.owner_file import LARGEST, read_owner_file


def make(path: Path, mode: int = 0o600, octets: bytes = b"x") -> Path:
    path.write_bytes(octets)
    path.chmod(mode)
    return path


def test_own_file(tmp_path: Path) -> None:
    file = read_owner_file(make(tmp_path / "f", 0o644), os.geteuid())
    assert file is not None
    assert file.octets == b"x"


def test_absent(tmp_path: Path) -> None:
    assert read_owner_file(tmp_path / "f", os.geteuid()) is None


@pytest.mark.parametrize("mode", [0o620, 0o602, 0o666])
def test_others_may_write(tmp_path: Path, mode: int) -> None:
    assert read_owner_file(make(tmp_path / "f", mode), os.geteuid()) is None


def test_somebody_elses(tmp_path: Path) -> None:
    path = make(tmp_path / "f")
    if os.geteuid() == 0:
        os.chown(path, 12345, -1)
        assert read_owner_file(path, 0) is None
    else:
        assert read_owner_file(path, os.geteuid() + 1) is None


def test_link_directory_and_pipe(tmp_path: Path) -> None:
    make(tmp_path / "f")
    (tmp_path / "link").symlink_to(tmp_path / "f")
    (tmp_path / "directory").mkdir()
    os.mkfifo(tmp_path / "pipe")
    for name in ("link", "directory", "pipe"):
        assert read_owner_file(tmp_path / name, os.geteuid()) is None


def test_too_large(tmp_path: Path) -> None:
    assert read_owner_file(make(tmp_path / "f", octets=b"x" * (LARGEST + 1)), os.geteuid()) is None


def test_home_that_is_not_there_is_not_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(Temporary):
        read_owner_file(tmp_path / "unmounted" / "f", os.geteuid())


def test_trouble_is_temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = make(tmp_path / "f")

    def fail(*_: object) -> int:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "open", fail)
    with pytest.raises(Temporary):
        read_owner_file(path, os.geteuid())
