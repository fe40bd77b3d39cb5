# SPDX-License-Identifier: MIT
"""``homemail account``."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path

import pytest

from homemail.auth.api import Account
from homemail.auth.directory import Directory
from homemail.auth.schemes import verify
from homemail.auth.users_line import UserLine, accounts_in
from homemail.cli import main
from homemail.model.address import AccountId

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


def test_many_accounts_from_standard_input(account, password_of, directory):
    stdin = (
        "# from the old house\n"
        "alice:open sesame\n\n"
        "bob:{PLAIN}kept as it is:1001:1001::/home/bob::addresses=sales@home.test\n"
        "carol\n"
        "dave:$6$salt$kept\r\n"
    )
    made = account("add", "--many", stdin=stdin)
    assert (made.status, made.err) == (0, "")
    first, shown = made.out.splitlines()
    assert first == "4 accounts added"
    assert password_of("alice", "open sesame")
    assert password_of("carol", shown.removeprefix("password of carol: "))
    text = (directory / "users").read_text()
    assert "bob:{PLAIN}kept as it is:1001:1001::/home/bob::addresses=sales@home.test\n" in text
    assert "dave:$6$salt$kept::::::\n" in text


@pytest.mark.parametrize(
    ("stdin", "told"),
    [
        ("alice:x\nbo b:x\n", "line 2: "),
        ("alice:x:many\n", "line 1: uid: expected a number"),
        ("alice:x\nalice:y\n", "there is an account alice already"),
    ],
)
def test_of_many_accounts_with_a_mistake_none_is_added(account, directory, stdin, told):
    made = account("add", "--many", stdin=stdin)
    assert made.status == 1
    assert told in made.err
    assert not (directory / "users").exists()


@pytest.mark.parametrize("words", [("add",), ("add", "alice", "--many")])
def test_one_account_or_many(account, words):
    assert account(*words).status == 1


def test_an_account_is_renamed_and_keeps_its_mail(account, directory, password_of):
    account("add", "alice", "--stdin", stdin="open sesame\n")
    account("add", "bob", "--generate")
    home = directory / "home/alice"
    done = account("rename", "alice", "Alicia@home.test")
    assert done.out == f"account alice is now Alicia@home.test; its mail is still in {home}\n"
    assert password_of("Alicia@home.test", "open sesame")
    assert json.loads(account("show", "alicia@home.test", "--json").out)["home"] == str(home)
    assert account("rename", "bob", "alicia@home.test").status == 1
    assert account("rename", "bob", "bo b").status == 1
    assert account("rename", "nobody", "somebody").status == 1


def test_a_password_for_each_program(account, directory):
    account("add", "Alice", "--generate")
    made = account("app-password", "add", "alice", "phone").out
    password = made.removeprefix("password of Alice for phone: ").strip()
    data = (directory / "users").read_bytes()
    [(_, line)] = accounts_in(data)
    assert verify(line.app_passwords["phone"], password.encode())
    assert account("app-password", "list", "alice").out == "phone\tnever\t\n"
    assert "SSHA512" not in account("show", "alice").out
    (directory / "data").mkdir()
    uses = {"alice": {"phone": {"at": 86_400, "from": "192.0.2.1"}}}
    (directory / "data/app-passwords.json").write_text(json.dumps(uses))
    [fact] = json.loads(account("app-password", "list", "alice", "--json").out)
    assert fact == {"label": "phone", "last_used": 86_400, "from": "192.0.2.1"}
    assert account("app-password", "list", "alice").out.startswith("phone\t1970-01-0")
    assert account("app-password", "add", "alice", "phone").status == 1
    assert account("app-password", "add", "alice", "my phone").status == 1
    assert account("app-password", "remove", "alice", "phone").status == 0
    assert account("app-password", "remove", "alice", "phone").status == 1
    assert account("app-password", "list", "alice").out == ""


def test_the_users_of_the_system_are_listed_where_they_count(account, directory, monkeypatch):
    monkeypatch.setattr(
        "homemail.auth.system_users.SystemUsers._read",
        lambda self, today: system,
    )
    system = Directory(["home.test"])
    system.add(Account(AccountId("erin"), Path("/home/erin"), 1000, 1000), [])
    assert account("list").out == ""
    settings = directory / "homemail.toml"
    # pam, as /etc/shadow is not for everybody to read
    settings.write_text('auth_sources = ["users", "pam"]\n' + settings.read_text())
    assert account("list").out == "erin\tsystem user\t/home/erin\t\n"


def test_listing_needs_none_of_what_checks_passwords():
    """Start-up counts: a command is used many times a day."""
    code = (
        "import sys; import homemail.cli.account; "
        "print([name for name in ('argon2', 'bcrypt', 'passlib', 'asyncio', 'twisted') "
        "if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
