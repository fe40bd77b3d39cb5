# SPDX-License-Identifier: MIT
"""``homemail account``."""

from __future__ import annotations

import io
import json

import pytest

from homemail.auth.schemes import verify
from homemail.auth.users_line import UserLine, accounts_in
from homemail.cli import main

pytestmark = pytest.mark.slow  # each new password is hashed for real


@pytest.fixture
def account(homemail, directory):
    def run(*words: object, stdin: str = ""):
        return homemail("account", *words, "--directory", directory, stdin=stdin)

    return run


@pytest.fixture
def password_of(directory):
    def matches(name: str, password: str) -> bool:
        data = (directory / "users").read_bytes()
        lines = [line for _, line in accounts_in(data) if isinstance(line, UserLine)]
        secrets = next(line.secrets for line in lines if line.name == name)
        return bool(secrets) and all(verify(secret, password.encode()) for secret in secrets)

    return matches


def test_an_account_is_made_and_listed(account, directory, password_of):
    made = account("add", "alice", "--stdin", stdin="open sesame\nmore\n")
    assert (made.status, made.err) == (0, "")
    assert made.out == f"account alice added; its mail will be in {directory}/home/alice\n"
    assert password_of("alice", "open sesame")
    assert account("list").out == f"alice\tenabled\t{directory}/home/alice\t\n"
    assert (directory / "users").stat().st_mode & 0o777 == 0o600


def test_a_made_password_is_shown_once(account, password_of):
    made = account("add", "alice", "--generate").out.splitlines()
    password = made[-1].removeprefix("password of alice: ")
    assert len(password) == 23
    assert password_of("alice", password)
    again = account("password", "alice", "--generate").out.splitlines()[-1]
    assert not password_of("alice", password)
    assert password_of("alice", again.removeprefix("password of alice: "))


def test_other_addresses_and_another_home(account, tmp_path):
    words = ("--address", "sales@home.test", "--address", "a@other.test", "--home", tmp_path)
    account("add", "Bob@home.test", "--generate", *words)
    facts = json.loads(account("show", "bob@HOME.test", "--json").out)
    assert facts["name"] == "Bob@home.test"
    assert facts["addresses"] == ["Bob@home.test", "sales@home.test", "a@other.test"]
    assert facts["home"] == str(tmp_path)
    assert facts["passwords"] == ["ARGON2ID", "SCRAM-SHA-256"]
    assert json.loads(account("list", "--json").out) == [facts]
    shown = account("show", "bob@home.test").out.splitlines()
    assert "addresses:  Bob@home.test, sales@home.test, a@other.test" in shown


def test_disabled_and_enabled_again(account):
    account("add", "alice", "--generate")
    assert account("disable", "alice").out == "account alice may no longer log in\n"
    assert account("list").out.split("\t")[1] == "disabled"
    assert account("enable", "alice").out == "account alice may log in\n"
    assert account("list").out.split("\t")[1] == "enabled"


def test_removed_but_its_mail_stays(account, directory):
    account("add", "alice", "--generate")
    home = directory / "home" / "alice"
    home.mkdir(parents=True)
    assert account("remove", "alice").out == f"account alice removed; its mail is still in {home}\n"
    assert home.is_dir()
    assert account("list").out == ""


@pytest.mark.parametrize(
    ("words", "stdin", "said"),
    [
        (("add", "Alice", "--stdin"), "x\n", "there is an account Alice already"),
        (("add", "bob", "--stdin"), "\n", "an empty password"),
        (("add", "bob", "--stdin"), "", "an empty password"),
        (("add", "bob", "--stdin"), "a\x07b\n", "the password cannot be used: a character"),
        (("add", "bob"), "x\n", "no terminal to ask for the password on; give --stdin or"),
        (("add", "bob", "--stdin", "--generate"), "x\n", "--stdin and --generate are two ways"),
        (("add", "a b", "--stdin"), "x\n", '"a b" cannot be an account: a name that cannot be'),
        (("add", "../x", "--stdin"), "x\n", '"../x" cannot be an account: a name with "/"'),
        (("add", "bob", "--stdin", "--address", "x"), "x\n", '"x" is not an address: '),
        (("show", "alise"), "", 'no account "alise"; did you mean alice?'),
        (("password", "bob", "--stdin"), "x\n", 'no account "bob"'),
        (("remove", "bob"), "", 'no account "bob"'),
        (("disable", "bob"), "", 'no account "bob"'),
    ],
)
def test_refused(account, directory, words, stdin, said):
    account("add", "alice", "--generate")
    before = (directory / "users").read_bytes()
    result = account(*words, stdin=stdin)
    assert result.status == 1
    assert result.err.startswith(f"homemail: {said}")
    assert (directory / "users").read_bytes() == before


def test_a_password_is_no_word_of_the_command(account):
    assert account("add", "alice", "secret").status == 2


def test_broken_lines_are_told_of_and_kept(account, directory):
    (directory / "users").write_text("# people\nalice:{PLAIN}x\n/:x\n")
    listed = account("list")
    assert listed.out.startswith("alice\t")
    assert listed.err.startswith(f"{directory}/users:3: ")
    account("disable", "alice")
    assert (directory / "users").read_text().splitlines()[2] == "/:x"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(("second", "status"), [("one", 0), ("two", 1)])
def test_a_password_is_asked_for_twice(directory, monkeypatch, password_of, second, status, capsys):
    answers = iter(["one", second])
    monkeypatch.setattr("getpass.getpass", lambda prompt: next(answers))
    monkeypatch.setattr("sys.stdin", Terminal())
    assert main(["account", "add", "alice", "--directory", str(directory)]) == status
    assert (directory / "users").exists() == (status == 0)
    if not status:
        assert password_of("alice", "one")
