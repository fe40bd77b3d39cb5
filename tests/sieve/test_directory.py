# SPDX-License-Identifier: MIT
from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from homemail import durable
from homemail.errors import Refused, Temporary
from homemail.sieve.scripts import (
    BadScriptName,
    NoSuchScript,
    ScriptDirectory,
    ScriptExists,
    ScriptInfo,
    ScriptIsActive,
    ScriptQuota,
    ScriptTooBig,
    TooManyScripts,
    check_name,
)


@pytest.fixture
def scripts(tmp_path: Path) -> ScriptDirectory:
    return ScriptDirectory(tmp_path)


def test_an_empty_home_has_nothing(scripts: ScriptDirectory) -> None:
    assert scripts.all() == []
    scripts.set_active(None)


def test_scripts_are_plain_files(scripts: ScriptDirectory, tmp_path: Path) -> None:
    scripts.write("work", b"keep;\r\n")
    assert (tmp_path / "sieve" / "work.sieve").read_bytes() == b"keep;\r\n"
    assert (tmp_path / "sieve").stat().st_mode & 0o777 == 0o700
    assert scripts.read("work") == b"keep;\r\n"
    (tmp_path / "sieve" / "by hand.sieve").write_bytes(b"stop;")
    assert scripts.all() == [ScriptInfo("by hand", False), ScriptInfo("work", False)]


def test_a_script_is_replaced(scripts: ScriptDirectory) -> None:
    scripts.write("a", b"keep;")
    scripts.write("a", b"stop;")
    assert scripts.read("a") == b"stop;"


def test_the_active_script_is_a_link(scripts: ScriptDirectory, tmp_path: Path) -> None:
    scripts.write("a", b"keep;")
    scripts.write("b", b"stop;")
    scripts.set_active("a")
    scripts.set_active("b")
    assert os.readlink(tmp_path / ".homemail.sieve") == "sieve/b.sieve"
    assert scripts.all() == [ScriptInfo("a", False), ScriptInfo("b", True)]
    scripts.set_active(None)
    assert not (tmp_path / ".homemail.sieve").exists()


def test_the_active_script_is_not_deleted(scripts: ScriptDirectory) -> None:
    scripts.write("a", b"keep;")
    scripts.set_active("a")
    with pytest.raises(ScriptIsActive):
        scripts.delete("a")
    scripts.set_active(None)
    scripts.delete("a")
    assert scripts.all() == []


def test_the_active_script_is_renamed(scripts: ScriptDirectory) -> None:
    scripts.write("a", b"keep;")
    scripts.write("c", b"keep;")
    scripts.set_active("a")
    with pytest.raises(ScriptExists):
        scripts.rename("a", "c")
    scripts.rename("a", "b")
    assert scripts.all() == [ScriptInfo("b", True), ScriptInfo("c", False)]


@pytest.mark.parametrize("name", ["none", "../a", ".homemail", ""])
def test_unknown_names(scripts: ScriptDirectory, name: str) -> None:
    for call in (scripts.read, scripts.delete, scripts.set_active):
        with pytest.raises(NoSuchScript):
            call(name)
    with pytest.raises(NoSuchScript):
        scripts.rename(name, "b")


@pytest.mark.parametrize("name", ["", "a\0", "a\n", "\x9f", "\u2028", "x" * 201, "\ud800"])
def test_bad_names(scripts: ScriptDirectory, name: str) -> None:
    with pytest.raises(BadScriptName):
        scripts.write(name, b"keep;")
    scripts.write("a", b"keep;")
    with pytest.raises(BadScriptName):
        scripts.rename("a", name)


@pytest.mark.parametrize(
    "name", ["../x", "/etc/passwd", "..", ".hidden", "100%", "%2F", "a b", "ünï", "x" * 200, '"']
)
def test_odd_names_stay_in_the_directory(
    scripts: ScriptDirectory, tmp_path: Path, name: str
) -> None:
    scripts.write(name, b"keep;")
    assert [info.name for info in scripts.all()] == [name]
    scripts.set_active(name)
    assert (tmp_path / ".homemail.sieve").read_bytes() == b"keep;"
    assert {path.name for path in tmp_path.iterdir()} == {"sieve", ".homemail.sieve"}
    assert len(list((tmp_path / "sieve").iterdir())) == 1


def test_what_is_no_script_is_not_listed(scripts: ScriptDirectory, tmp_path: Path) -> None:
    scripts.write("a", b"keep;")
    directory = tmp_path / "sieve"
    (directory / "notes.txt").write_text("x")
    (directory / ".b.sieve").write_text("x")
    (directory / "100%.sieve").write_text("x")
    (directory / "d.sieve").mkdir()
    (directory / "l.sieve").symlink_to("/etc/passwd")
    assert [info.name for info in scripts.all()] == ["a"]


def test_quota(tmp_path: Path) -> None:
    scripts = ScriptDirectory(tmp_path, ScriptQuota(scripts=2, script_octets=10, octets=15))
    scripts.write("a", b"x" * 10)
    with pytest.raises(ScriptTooBig):
        scripts.write("b", b"x" * 6)
    with pytest.raises(ScriptTooBig):
        scripts.check_space("a", 11)
    scripts.write("b", b"x" * 5)
    with pytest.raises(TooManyScripts):
        scripts.check_space("c", 0)
    scripts.write("a", b"y" * 10)


def test_a_script_written_by_hand_is_not_thrown_away(
    scripts: ScriptDirectory, tmp_path: Path
) -> None:
    scripts.write("a", b"keep;")
    (tmp_path / ".homemail.sieve").write_bytes(b"discard;")
    for name in ("a", None):
        with pytest.raises(Refused):
            scripts.set_active(name)
    assert (tmp_path / ".homemail.sieve").read_bytes() == b"discard;"


def test_a_link_to_elsewhere_is_no_script_of_ours(scripts: ScriptDirectory, tmp_path: Path) -> None:
    scripts.write("a", b"keep;")
    (tmp_path / "dot.sieve").write_bytes(b"stop;")
    (tmp_path / ".homemail.sieve").symlink_to("dot.sieve")
    assert scripts.all() == [ScriptInfo("a", False)]


def test_a_link_in_the_place_of_the_directory_is_refused(
    scripts: ScriptDirectory, tmp_path: Path
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (tmp_path / "sieve").symlink_to(elsewhere)
    with pytest.raises(Refused):
        scripts.write("a", b"keep;")
    with pytest.raises(Refused):
        scripts.all()


def test_a_script_that_anybody_may_write_is_refused(
    scripts: ScriptDirectory, tmp_path: Path
) -> None:
    scripts.write("a", b"keep;")
    (tmp_path / "sieve" / "a.sieve").chmod(0o666)
    with pytest.raises(Refused):
        scripts.read("a")


def test_another_users_files_are_refused(
    scripts: ScriptDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    scripts.write("a", b"keep;")
    monkeypatch.setattr(os, "geteuid", lambda: 4_000_000)
    with pytest.raises(Refused):
        scripts.read("a")


def test_a_link_to_nothing_is_no_script(scripts: ScriptDirectory, tmp_path: Path) -> None:
    (tmp_path / "sieve").mkdir()
    (tmp_path / ".homemail.sieve").symlink_to("sieve/gone.sieve")
    assert scripts.all() == []


@pytest.mark.parametrize("call", ["all", "write", "read", "set_active"])
def test_a_disk_that_fails_is_temporary(
    scripts: ScriptDirectory, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    scripts.write("a", b"keep;")

    def fail(*args: object) -> None:
        raise OSError(errno.EIO, "/secret/path")

    monkeypatch.setattr(os, "scandir", fail)
    arguments = {"all": (), "write": ("a", b"stop;")}.get(call, ("a",))
    with pytest.raises(Temporary) as caught:
        getattr(scripts, call)(*arguments)
    assert "secret" not in caught.value.text


class Crash(Exception):
    pass


@pytest.mark.parametrize("stop_at", range(12))
def test_a_crash_leaves_the_owner_an_active_script(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stop_at: int
) -> None:
    scripts = ScriptDirectory(tmp_path)
    scripts.write("a", b"keep;")
    scripts.set_active("a")
    steps = iter(range(100))

    def step(what: str, where: str) -> None:
        if next(steps) == stop_at:
            raise Crash

    with monkeypatch.context() as patch:
        patch.setattr(durable, "step", step)
        try:
            scripts.write("a", b"keep; stop;")
            scripts.rename("a", "b")
        except Crash:
            pass
    assert (tmp_path / ".homemail.sieve").read_bytes() in (b"keep;", b"keep; stop;")
    assert len([info for info in scripts.all() if info.active]) == 1


def test_check_name_takes_what_the_rfc_asks_for() -> None:
    check_name("x" * 128)
