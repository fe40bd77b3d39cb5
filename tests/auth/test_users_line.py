# SPDX-License-Identifier: MIT
from __future__ import annotations

from pathlib import Path

import pytest

from homemail.auth.users_line import (
    UserLine,
    accounts_in,
    format_line,
    parse_line,
    with_added,
    with_changed,
)
from homemail.errors import NoSuchUser, Permanent
from homemail.model.address import Address

FULL = (
    "alice:{ARGON2ID}$argon2id$v=19$m=1,t=2,p=1$QQ$QQ {SCRAM-SHA-256}1,a=,b=,c=:1000:100:Alice"
    ":/home/alice:/bin/sh:quota=1GB addresses=sales@home.test,a.b@other.test"
)


def test_a_full_line():
    line = parse_line(FULL)
    assert line.name == "alice"
    assert line.secrets == (
        "{ARGON2ID}$argon2id$v=19$m=1,t=2,p=1$QQ$QQ",
        "{SCRAM-SHA-256}1,a=,b=,c=",
    )
    assert (line.uid, line.gid, line.gecos, line.shell) == (1000, 100, "Alice", "/bin/sh")
    assert line.home == Path("/home/alice")
    assert line.options["quota"] == "1GB"
    assert line.addresses == (Address.parse("sales@home.test"), Address.parse("a.b@other.test"))
    assert line.enabled
    assert format_line(line) == FULL


@pytest.mark.parametrize("text", ["bob", "bob:", "bob:{PLAIN}x", "bob:x:::", "bob:x::::::"])
def test_short_lines(text):
    line = parse_line(text)
    assert (line.name, line.uid, line.gid, line.home, line.options) == ("bob", None, None, None, {})


def test_dovecot_keys():
    line = parse_line("bob:x::::::userdb_quota_rule=*:storage=1G nologin allow_nets=10.0.0.0/8")
    assert line.options == {
        "quota_rule": "*:storage=1G",
        "nologin": "yes",
        "allow_nets": "10.0.0.0/8",
    }
    assert not line.enabled


@pytest.mark.parametrize(
    ("options", "enabled"),
    [("disabled=yes", False), ("disabled", False), ("disabled=no", True), ("nologin=y", False)],
)
def test_disabled(options, enabled):
    assert parse_line(f"bob:x::::::{options}").enabled is enabled


@pytest.mark.parametrize(
    ("text", "what"),
    [
        (":x", "name"),
        ("a b:x", "name"),
        ("../etc:x", "name"),
        ("a/b:x", "name"),
        (".:x", "name"),
        ("a@b@c:x", "local part"),
        ("a@-:x", "domain"),
        ("x" * 300 + ":x", "too long"),
        ("a\0b:x", "name"),
        ("bob:x:one", "uid"),
        ("bob:x:-1", "uid"),
        ("bob:x:1:4294967295", "gid"),
        ("bob:x:\u0661", "uid"),
        ("bob:x::::home", "home"),
        ("bob:x::::/home/../etc", "home"),
        ("bob:x::::::=yes", "options"),
        ("bob:x::::::addresses=nobody", "addresses"),
    ],
)
def test_broken_lines(text, what):
    with pytest.raises(ValueError, match=what) as told:
        parse_line(text)
    assert ":x" not in str(told.value)


FILE = b"""# our accounts

alice:{PLAIN}a:::::
broken line:x
  # indented
bob@home.test:{PLAIN}b\r
\xff:x
"""


def test_the_file_line_by_line():
    found = list(accounts_in(FILE))
    assert [number for number, _ in found] == [3, 4, 6, 7]
    assert [isinstance(line, UserLine) for _, line in found] == [True, False, True, False]
    assert list(accounts_in(b"")) == []


def test_adding_keeps_what_is_there():
    added = with_added(FILE, (UserLine("carol", ("{PLAIN}c",)), UserLine("dave")))
    assert added == FILE + b"carol:{PLAIN}c::::::\ndave:::::::\n"
    assert with_added(b"a:x", (UserLine("b"),)) == b"a:x\nb:::::::\n"
    assert with_added(b"", ()) == b""


@pytest.mark.parametrize("name", ["ALICE", "alice", "Bob@HOME.test"])
def test_adding_twice(name):
    with pytest.raises(Permanent, match="already"):
        with_added(FILE, (UserLine(name),))
    with pytest.raises(Permanent, match="already"):
        with_added(b"", (UserLine(name), UserLine(name)))


@pytest.mark.parametrize(
    "line",
    [
        UserLine("a:b"),
        UserLine("#a"),
        UserLine("a", ("{PLAIN}has space",)),
        UserLine("a", ("{PLAIN}has:colon",)),
        UserLine("a", ("{PLAIN}line\nroot:x",)),
        UserLine("a", gecos="x\ny"),
        UserLine("a", home=Path("relative")),
        UserLine("a", home=Path("/a:b")),
        UserLine("a", options={"k": "v w"}),
        UserLine("a", options={"k": "v\nroot:x"}),
        UserLine("a", options={"k k": "v"}),
        UserLine("a", options={"addresses": "nonsense"}),
    ],
)
def test_values_that_cannot_stand_in_the_file(line):
    with pytest.raises(ValueError, match=r"."):
        format_line(line)


def test_changing_one_line():
    changed = with_changed(FILE, "BOB@home.test", lambda line: UserLine("robert"))
    assert changed == FILE.replace(b"bob@home.test:{PLAIN}b\r", b"robert:::::::")
    assert with_changed(FILE, "alice", lambda line: None) == FILE.replace(
        b"alice:{PLAIN}a:::::\n", b""
    )
    with pytest.raises(NoSuchUser):
        with_changed(FILE, "carol", lambda line: None)
