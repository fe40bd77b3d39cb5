# SPDX-License-Identifier: MIT
from __future__ import annotations

import asyncio
import os
import stat
import threading
from pathlib import Path

import pytest

from homemail import durable
from homemail.auth import users_edit
from homemail.auth.users_edit import (
    add_accounts,
    remove_account,
    rename_account,
    set_enabled,
    set_option,
    set_secrets,
)
from homemail.auth.users_file import UsersFile
from homemail.auth.users_line import UserLine
from homemail.errors import LockTimeout, NoSuchUser, Permanent, TableUnavailable, Temporary
from homemail.model.address import AccountId


@pytest.fixture
def path(tmp_path) -> Path:
    path = tmp_path / "users"
    path.write_text("alice:{PLAIN}a\n")
    path.chmod(0o600)
    return path


@pytest.fixture
def users(path) -> UsersFile:
    return UsersFile(path, local_domains=["home.test"], default_home=Path("/homes"))


def names(users: UsersFile) -> list[str]:
    return [account.id for account in asyncio.run(users.all())]


def secrets(users: UsersFile, name: str) -> tuple[str, ...]:
    return tuple(asyncio.run(users.secrets(AccountId(name))))


def test_every_change_is_seen_at_once(path, users):
    assert names(users) == ["alice"]
    add_accounts(path, [UserLine("bob", ("{PLAIN}b",)), UserLine("carol")])
    assert names(users) == ["alice", "bob", "carol"]
    set_secrets(path, "BOB", ["{PLAIN}c"])
    assert secrets(users, "bob") == ("{PLAIN}c",)
    set_secrets(path, "bob", ["{PLAIN}d"])  # the same size, the same tick of the clock
    assert secrets(users, "bob") == ("{PLAIN}d",)
    set_enabled(path, "bob", False)
    assert secrets(users, "bob") == ()
    set_enabled(path, "bob", True)
    assert secrets(users, "bob") == ("{PLAIN}d",)
    set_option(path, "bob", "quota", "5MB")
    assert asyncio.run(users.find("bob")).options == {"quota": "5MB"}
    rename_account(path, "bob", "robert", home=Path("/homes/bob"))
    assert names(users) == ["alice", "carol", "robert"]
    assert asyncio.run(users.find("robert")).home == Path("/homes/bob")
    remove_account(path, "carol")
    assert names(users) == ["alice", "robert"]


def test_changes_in_place_are_seen_within_a_tick(path, users):
    for letter in "bcdefgh":
        with path.open("r+") as file:
            file.write(f"alice:{{PLAIN}}{letter}\n")
        assert secrets(users, "alice") == (f"{{PLAIN}}{letter}",)


def test_a_file_that_has_settled_is_not_read_again(path):
    users = UsersFile(
        path, local_domains=[], default_home=Path("/"), clock=lambda: path.stat().st_mtime + 1
    )
    assert names(users) == ["alice"]
    users._read = lambda: pytest.fail("read again")
    assert names(users) == ["alice"]


def test_a_missing_file_tells_nothing(path, users):
    path.unlink()
    with pytest.raises(TableUnavailable):
        names(users)
    assert users.common_schemes() == frozenset()
    path.write_text("bob:{PLAIN}b\n")
    assert names(users) == ["bob"]


def test_broken_lines_are_reported_and_the_others_work(path, users, caplog):
    path.write_text(
        "alice:{PLAIN}a\nb b:{PLAIN}hidden\ncarol:x:one\nALICE:{PLAIN}again\n"
        "dave:{PLAIN}d::::::addresses=info@home.test\nerin:x::::::addresses=Info@home.test\n"
    )
    assert names(users) == ["alice", "dave"]
    assert secrets(users, "alice") == ("{PLAIN}a",)
    assert [str(problem) for problem in users.problems()] == [
        f"{path}:2: a name that cannot be the local part of an address",
        f"{path}:3: uid: expected a number or nothing",
        f"{path}:4: a name that an account above has already",
        f"{path}:6: an extra address that an account above has already",
    ]
    assert "hidden" not in caplog.text
    assert f"{path}:2:" in caplog.text


def test_a_file_that_others_can_read_is_reported(path, users):
    assert users.problems() == ()
    path.chmod(0o644)
    assert "0600" in str(users.problems()[0])
    path.chmod(0o640)
    assert users.problems() == ()


def test_the_file_is_made_for_us_alone(tmp_path):
    add_accounts(tmp_path / "new", [UserLine("alice")])
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o600


def test_mode_and_owner_are_kept(path, monkeypatch):
    path.chmod(0o640)
    given = []
    monkeypatch.setattr(durable.os, "fchown", lambda fd, uid, gid: given.append((uid, gid)))
    set_enabled(path, "alice", False)
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert given == [(os.getuid(), path.stat().st_gid)]


def test_a_link_stays_a_link(path, tmp_path):
    link = tmp_path / "link"
    link.symlink_to(path)
    add_accounts(link, [UserLine("bob")])
    assert link.is_symlink()
    assert "bob" in path.read_text()


def test_what_cannot_be_changed(path):
    before = path.read_text()
    with pytest.raises(NoSuchUser):
        set_enabled(path, "nobody", True)
    with pytest.raises(NoSuchUser):
        remove_account(path, "nobody")
    with pytest.raises(Permanent, match="already"):
        add_accounts(path, [UserLine("bob"), UserLine("Alice")])
    with pytest.raises(Permanent):
        set_option(path, "alice", "quota", "5 MB")
    with pytest.raises(Permanent):
        rename_account(path, "alice", "a:b", home=Path("/h"))
    assert path.read_text() == before
    with pytest.raises(Temporary):
        add_accounts(path.parent / "missing" / "users", [UserLine("bob")])


def test_renaming(path):
    add_accounts(path, [UserLine("bob", home=Path("/b"))])
    with pytest.raises(Permanent, match="already"):
        rename_account(path, "alice", "Bob", home=Path("/a"))
    rename_account(path, "alice", "Alice", home=Path("/a"))
    assert path.read_text() == "Alice:{PLAIN}a::::/a::\nbob:::::/b::\n"


def test_writers_wait_for_each_other(path):
    def add(start: int) -> None:
        for n in range(start, start + 10):
            add_accounts(path, [UserLine(f"user{n}")])

    threads = [threading.Thread(target=add, args=(start,)) for start in (0, 10, 20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert path.read_text().count("user") == 30


def test_a_lock_that_never_comes(path, monkeypatch):
    monkeypatch.setattr(users_edit, "_LOCK_WAIT_SECONDS", 0.0)
    lock = durable.FileLock(path.with_name(".users.lock"))
    with pytest.raises(LockTimeout):
        set_enabled(path, "alice", False)
    lock.close()
    set_enabled(path, "alice", False)
