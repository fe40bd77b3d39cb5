# SPDX-License-Identifier: MIT
"""What each type of table has of its own: its grammar, its warnings, its odd cases."""

from __future__ import annotations

import asyncio
import getpass
import sqlite3
import time
from pathlib import Path

import pytest

from homemail.errors import ConfigError, TableUnavailable
from homemail.lookup import open_table
from homemail.lookup.api import Table
from homemail.lookup.maps import open_maps
from homemail.lookup.text import Form
from tests.lookup.conformance import look


def table(tmp_path: Path, kind: str, text: str | bytes, form: Form = Form.MAP) -> Table:
    path = tmp_path / "t"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    path.chmod(0o644)
    return open_table(f"{kind}:{path}", form)


def problems(opened: Table, tmp_path: Path) -> list[str]:
    found = asyncio.run(opened.problems())
    return [str(problem).replace(f"{tmp_path}/", "") for problem in found]


# text


def test_comments_and_continued_lines(tmp_path: Path) -> None:
    text = "# one\n\nalice  a,\n# in between\n\n\tb\n   # too\nbob\tc d \r\n"
    opened = table(tmp_path, "text", text)
    assert look(opened, "alice") == "a, b"
    assert look(opened, "bob") == "c d"
    assert look(opened, "bob").where == f"{tmp_path}/t:8"
    assert problems(opened, tmp_path) == []


def test_quoted_keys(tmp_path: Path) -> None:
    opened = table(tmp_path, "hash", '"john smith" js\n"a\\"b" q\n')
    assert look(opened, "john smith") == "js"
    assert look(opened, 'a"b') == "q"


def test_beyond_ascii(tmp_path: Path) -> None:
    opened = table(tmp_path, "hash", "Müller@Example.Org m\n")
    assert look(opened, "mÜller@example.org") == "m"
    assert look(opened, "mu\u0308ller@example.org") == "m"


@pytest.mark.parametrize(
    ("form", "text", "expected"),
    [
        (Form.MAP, "alice\n", 't:1: expected "key value", got "alice" without a value'),
        (Form.MAP, "a b\nA c\n", 't:2: "a" is in line 1 already, which counts'),
        (
            Form.MAP,
            "rich: alice\n",
            't:1: expected "key value", got "rich: alice"; is this a table of aliases?',
        ),
        (Form.ALIASES, "Rich.Blum rich\n", 't:1: expected "name: value", got "Rich.Blum rich"'),
        (Form.ALIASES, "root:\n", 't:1: expected "name: value", got "root" without a value'),
        (
            Form.MAP,
            "  a b\n",
            "t:1: an indented line with no entry above that it goes on with",
        ),
        (
            Form.ALIASES,
            "root: alice\n postmaster: root\n",
            't:2: "postmaster:" is indented, so it goes on with the entry in line 1; '
            "an entry of its own begins at the start of the line",
        ),
        (
            Form.MAP,
            "a@x.example b\n c@x.example d\n",
            't:2: "c@x.example" is indented, so it goes on with the entry in line 1; '
            "an entry of its own begins at the start of the line",
        ),
    ],
)
def test_problems_have_file_and_line(tmp_path: Path, form: Form, text: str, expected: str) -> None:
    assert problems(table(tmp_path, "hash", text, form), tmp_path) == [expected]


def test_octets_that_are_no_text(tmp_path: Path) -> None:
    opened = table(tmp_path, "hash", b"a b\n\xff\xfe c\n\0 d\nlast e\n")
    assert problems(opened, tmp_path) == ["t:2: octets that are not UTF-8", "t:3: a NUL"]
    assert look(opened, "last") == "e"


def test_an_ordinary_continuation_is_no_fault(tmp_path: Path) -> None:
    text = 'list: alice,\n  bob@example.org\nother: alice\n  , "|/bin/cat -u"\n'
    assert problems(table(tmp_path, "hash", text, Form.ALIASES), tmp_path) == []


def test_aliases_form(tmp_path: Path) -> None:
    text = 'MAILER-DAEMON: postmaster\n"a b": c\nowner-list: rich,\nx :y\n'
    opened = table(tmp_path, "hash", text, Form.ALIASES)
    assert look(opened, "mailer-daemon") == "postmaster"
    assert look(opened, "a b") == "c"
    assert look(opened, "owner-list") == "rich,"
    assert look(opened, "x") == "y"


def test_trust(tmp_path: Path) -> None:
    opened = table(tmp_path, "hash", "a b\n")
    assert look(opened, "a").trusted
    (tmp_path / "t").chmod(0o666)
    (tmp_path / "t").write_text("a c\n")
    assert not look(opened, "a").trusted


# patterns


def test_first_pattern_wins(tmp_path: Path) -> None:
    text = "/^postmaster@.*$/ OK\n/./ REJECT\n"
    opened = table(tmp_path, "regexp", text)
    assert look(opened, "Postmaster@x.example") == "OK"
    assert [look(opened, key) for key in ("web-postmaster@x", "postmasters@x")] == ["REJECT"] * 2


@pytest.mark.parametrize("kind", ["regexp", "pcre"])
def test_parts_of_the_key(tmp_path: Path, kind: str) -> None:
    text = "/^(.*)-outgoing@(.*)$/!/^owner-.*/ 550 Use ${1}@$2 instead, $$5\n"
    opened = table(tmp_path, kind, text)
    assert look(opened, "List-outgoing@Example.org") == "550 Use List@Example.org instead, $5"
    assert not look(opened, "list-outgoing@x").trusted
    assert look(opened, "owner-list-outgoing@example.org") is None


@pytest.mark.parametrize("kind", ["regexp", "pcre"])
def test_flags_marks_and_negation(tmp_path: Path, kind: str) -> None:
    text = "|^/x|i slash\n!/@/ bare\n/[%!@].*[%!@]/ 550 routed\n"
    opened = table(tmp_path, kind, text)
    assert look(opened, "/xyz@") == "slash"
    assert look(opened, "/XYZ@") is None
    assert look(opened, "alice") == "bare"
    assert look(opened, "a%b@c") == "550 routed"


@pytest.mark.parametrize("kind", ["regexp", "pcre"])
def test_if(tmp_path: Path, kind: str) -> None:
    text = "if /@home/\n if !/^root/\n/^a/ first\n/./ second\nendif\n/./ root\nENDIF\n/./ other\n"
    opened = table(tmp_path, kind, text.replace("\n if", "\nif"))
    keys = ("alice@home", "bob@home", "root@home", "root@away")
    assert [look(opened, key) for key in keys] == ["first", "second", "root", "other"]
    assert problems(opened, tmp_path) == []


@pytest.mark.parametrize(
    ("kind", "text", "expected"),
    [
        ("regexp", "/a\n", 't:1: no closing "/" behind the pattern'),
        ("regexp", "alice x\n", 't:1: expected "/pattern/ result", got "alice x"'),
        ("regexp", "/a/\n", "t:1: expected a result behind the pattern"),
        ("regexp", "/(/ x\n", 't:1: a "(" without its ")"'),
        ("regexp", "/a/ $1\n", 't:1: "$1": the pattern has 0 groups that can be named'),
        ("regexp", "!/(a)/ $1\n", 't:1: "$1": the pattern has 0 groups that can be named'),
        (
            "regexp",
            "/a/ cost $ 5\n",
            't:1: a "$" that no number follows; a plain dollar sign is written "$$"',
        ),
        ("regexp", "/a/z x\n", 't:1: unknown flag "z"; there is only "i" (upper case counts)'),
        ("regexp", "endif\n", 't:1: "endif" without its "if"'),
        ("regexp", "if /a/\n/b/ c\n", 't:1: "if" without its "endif"'),
        ("regexp", "/a/b/ x\n", 't:1: expected a blank behind "/b", got "/ x"'),
        (
            "cidr",
            "10.0.0.1/8 x\n",
            't:1: expected a network such as 192.0.2.0/24, got "10.0.0.1/8"; '
            "did you mean 10.0.0.0/8?",
        ),
        ("cidr", "house x\n", 't:1: expected a network such as 192.0.2.0/24, got "house"'),
    ],
)
def test_bad_patterns(tmp_path: Path, kind: str, text: str, expected: str) -> None:
    opened = table(tmp_path, kind, text + ("" if kind == "cidr" else "/good/ yes\n"))
    assert problems(opened, tmp_path) == [expected]


def test_perl(tmp_path: Path) -> None:
    text = r"""
/^(?!web-)(\w+?)@\d+\.example\z/  $1
/[[:alpha:]]{3}\b-x/              three
/^a b$/x                          ab
"""
    opened = table(tmp_path, "pcre", text)
    assert look(opened, "alice@12.example") == "alice"
    assert look(opened, "web-a@12.example") is None
    assert look(opened, "abc-x") == "three"
    assert look(opened, "ab") == "ab"
    assert problems(opened, tmp_path) == []


EXPLOSIVE = [r"^(\w+)+$", r"(?:a|a)*b\d", r"^(?:\w*x?)*!", r"((\w+\s?)*)*\."]


@pytest.mark.parametrize("pattern", EXPLOSIVE)
def test_patterns_that_would_take_for_ever_run_on_the_automaton(
    tmp_path: Path, pattern: str
) -> None:
    opened = table(tmp_path, "pcre", f"/{pattern}/ x\n")
    assert problems(opened, tmp_path) == []
    started = time.monotonic()
    assert look(opened, "a" * 3000 + "-") is None
    assert time.monotonic() - started < 2


@pytest.mark.parametrize("pattern", EXPLOSIVE)
def test_those_that_cannot_are_refused(tmp_path: Path, pattern: str) -> None:
    opened = table(tmp_path, "pcre", f"/(?!z){pattern}/ x\n")
    assert "could take for ever" in problems(opened, tmp_path)[0]
    assert look(opened, "a" * 40) is None


def test_an_automaton_for_posix(tmp_path: Path) -> None:
    opened = table(tmp_path, "regexp", "/^((a|a)*)*b$/ x\n")
    started = time.monotonic()
    assert look(opened, "a" * 3000) is None
    assert time.monotonic() - started < 2


def test_networks(tmp_path: Path) -> None:
    text = "192.0.2.1 one\n192.0.2.0/24 net\n2001:db8::/32 six\n!10.0.0.0/8 else\n"
    opened = table(tmp_path, "cidr", text)
    keys = ("192.0.2.1", "192.0.2.9", "::ffff:192.0.2.1", "2001:DB8::1", "198.51.100.1", "10.1.1.1")
    assert [look(opened, key) for key in keys] == ["one", "net", "one", "six", "else", None]


# in the settings


def test_static() -> None:
    assert look(open_table("static:all"), "x") == "all"
    assert look(open_table("static:{two words}"), "y") == "two words"


def test_system() -> None:
    me = getpass.getuser()
    opened = open_table("unix:passwd.byname")
    assert look(opened, me).startswith(f"{me}:*:")
    assert look(opened, "nobody-has-this-name") is None
    assert look(open_table("unix:group.byname"), "root") == "root:*:0:"


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ("hsh:/a", 'unknown type of table "hsh"; did you mean "hash:"?'),
        ("nis:mail.aliases", 'unknown type of table "nis"; there are text, hash'),
        ("aliases", 'expected a table such as "hash:/etc/homemail/aliases"'),
        ("hash:aliases", 'expected the path of a file, got "aliases"'),
        ("inline:a=b", 'expected "inline:{ key=value'),
        ("inline:{a}", 'expected "key=value", got "a"'),
        ("inline:{a=b,{c=d}", 'a "{" without its partner'),
        ("inline:{a=b, A=c}", '"A" is there twice'),
        ("inline:{}", "a table without entries"),
        ("static:", "expected a value"),
        ("unix:shadow", "expected one of passwd.byname"),
    ],
)
def test_wrong_tables(spec: str, expected: str) -> None:
    with pytest.raises(ConfigError) as caught:
        open_maps("alias_maps", [spec])
    assert f"{spec}: {expected}" in str(caught.value)
    assert caught.value.parameter == "alias_maps"


# sqlite


def database(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "db") as connection:
        connection.executescript(
            "CREATE TABLE a (alias TEXT, name TEXT, status TEXT);"
            "INSERT INTO a VALUES ('jessica.blum', 'jessica', 'paid'),"
            " ('richard.blum', 'rich', 'unpaid'), ('two', 'a', 'paid'), ('two', 'b', 'paid'),"
            " ('u@d.example', 'whole', 'paid'), ('o''hara', 'oh', 'paid');"
        )
    connection.close()


@pytest.mark.parametrize(
    ("lines", "key", "value"),
    [
        (
            "query = SELECT name FROM a WHERE alias='%s' AND status='paid'",
            "Jessica.Blum",
            "jessica",
        ),
        ("query = SELECT name FROM a WHERE alias='%s' AND status='paid'", "richard.blum", None),
        ("query = SELECT name FROM a WHERE alias=%s", "two", "a,b"),
        ("query = SELECT name FROM a WHERE alias='%s'", "o'hara", "oh"),
        ("query = SELECT name FROM a WHERE alias='%u@%d'", "u@d.example", "whole"),
        ("query = SELECT name FROM a WHERE alias='%u@%2.%1'", "u@d.example", "whole"),
        ("query = SELECT name FROM a WHERE alias='%d'", "two", None),
        ("query = SELECT '%%' || name FROM a WHERE alias='%s'", "o'hara", "%oh"),
        (
            "query = SELECT name FROM a WHERE alias='%s'\nresult_format = %s@%D",
            "u@d.example",
            "whole@d.example",
        ),
        (
            "query = SELECT name FROM a WHERE alias='%s'\ndomain = other.example",
            "u@d.example",
            None,
        ),
        (
            "select_field = name\ntable = a\nwhere_field = alias\n"
            "additional_conditions = and status = 'paid'",
            "jessica.blum",
            "jessica",
        ),
    ],
)
def test_queries(tmp_path: Path, lines: str, key: str, value: str | None) -> None:
    database(tmp_path)
    opened = table(tmp_path, "sqlite", f"dbpath = db\n{lines}\n")
    assert look(opened, key) == value
    assert problems(opened, tmp_path) == []
    opened.close()


def test_a_change_of_the_rows_counts_at_once(tmp_path: Path) -> None:
    database(tmp_path)
    opened = table(
        tmp_path,
        "sqlite",
        "dbpath=db\nquery=SELECT name FROM a WHERE alias='%s' AND status='paid'\n",
    )
    assert look(opened, "two") == "a,b"
    with sqlite3.connect(tmp_path / "db") as connection:
        connection.execute("UPDATE a SET status='unpaid' WHERE name='a'")
    connection.close()
    assert look(opened, "two") == "b"
    opened.close()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("query = SELECT 1\n", "t: expected dbpath = FILE"),
        ("dbpath = db\n", "t: expected query = SELECT ... WHERE ... = '%s'"),
        (
            "dbpath = db\nquery = SELECT '%x'\n",
            't: query: "%x" means nothing; a plain percent sign is written "%%"',
        ),
        ("dbpath = db\nquery = SELECT other FROM a\n", "t: the query fails: no such column"),
        ("dbpath = none\nquery = SELECT 1\n", "t: the query fails: unable to open database file"),
    ],
)
def test_bad_queries_are_unavailable(tmp_path: Path, text: str, expected: str) -> None:
    database(tmp_path)
    opened = table(tmp_path, "sqlite", text)
    assert problems(opened, tmp_path)[0].startswith(expected)
    with pytest.raises(TableUnavailable):
        look(opened, "x")


# several tables


def test_the_first_table_that_has_the_key_answers(tmp_path: Path) -> None:
    maps = open_maps("alias_maps", ["inline:{a=1}", f"hash:{tmp_path}/none", "static:2"])
    assert asyncio.run(maps.lookup("a")) == "1"
    with pytest.raises(TableUnavailable):
        asyncio.run(maps.lookup("b"))
    assert asyncio.run(open_maps("x", ["static:2"]).lookup("a", partial=True)) is None
