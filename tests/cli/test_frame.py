# SPDX-License-Identifier: MIT
"""What is the same for all commands: options, failures, help."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from homemail import __version__, cli
from homemail.cli import settings as settings_command
from homemail.cli.commands import COMMANDS
from homemail.errors import StorageFull


def python(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *words],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | environment,
    )


def test_version(homemail):
    assert homemail("version").out.startswith(f"homemail {__version__} ")
    assert homemail("--version").out == homemail("version").out


@pytest.mark.parametrize("words", [("--help",), ("account", "-h"), ("account", "add", "--help")])
def test_help_has_usage_and_examples(homemail, words):
    result = homemail(*words)
    assert result.status == 0
    assert result.out.startswith(" ".join(("Usage: homemail", *words[:-1])))
    assert "Examples:\n  homemail" in result.out
    assert all(len(line) <= 80 for line in result.out.splitlines())


@pytest.mark.parametrize("words", [(), ("account",)])
def test_a_command_that_lacks_is_asked_for(homemail, words):
    result = homemail(*words)
    assert result.status == 2
    assert result.out == ""
    assert "Commands:" in result.err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            ["acount", "list"],
            'homemail: no command "acount"; did you mean account? See "homemail --help"',
        ),
        (
            ["--directory", "version", "account", "lst"],
            'homemail: no command "lst"; did you mean list? See "homemail account --help"',
        ),
        (["zzz"], 'homemail: no command "zzz"; see "homemail --help"'),
        (
            ["settings", "--chnged"],
            'homemail: unknown: --chnged; see "homemail settings --help"',
        ),
        (["version", "x"], 'homemail: unknown: x; see "homemail version --help"'),
        (
            ["account", "show"],
            "homemail: the following arguments are required: NAME; "
            'see "homemail account show --help"',
        ),
        (
            ["--config", "a", "settings", "--directory", "b"],
            "homemail: --config and --directory name two installations; give one; "
            'see "homemail --help"',
        ),
        (
            ["settings", "--directory"],
            'homemail: argument --directory: expected one argument; see "homemail settings --help"',
        ),
    ],
)
def test_wrong_words(homemail, words, said):
    result = homemail(*words)
    assert (result.status, result.out, result.err) == (2, "", said + "\n")


@pytest.mark.parametrize("place", [0, 1, 2])
@pytest.mark.parametrize("option", ["--directory", "--config"])
@pytest.mark.parametrize("joined", [True, False])
def test_the_installation_is_named_before_or_after(homemail, directory, place, option, joined):
    named = directory if option == "--directory" else directory / "homemail.toml"
    words = ["account", "list"]
    words[place:place] = [f"{option}={named}"] if joined else [option, str(named)]
    result = homemail(*words)
    assert (result.status, result.out) == (0, "")
    assert "no accounts yet" in result.err


def test_the_settings_given_to_try_come_last(homemail, directory):
    (directory / "settings.toml").write_text('myorigin = "other.test"')
    result = homemail("settings", "--changed", "--directory", directory)
    assert 'myorigin = "other.test"' in result.out.splitlines()


def test_a_directory_that_try_did_not_make(homemail, tmp_path):
    result = homemail("account", "list", "--directory", tmp_path)
    assert result.status == 1
    assert result.err.startswith(f'homemail: {tmp_path} was not made by "homemail try"')


def test_no_installation_at_all(homemail, monkeypatch, tmp_path):
    monkeypatch.setattr("homemail.cli.installation.DEFAULT_FILE", tmp_path / "homemail.toml")
    result = homemail("account", "list")
    assert result.status == 1
    assert "--config FILE" in result.err
    assert "--directory DIR" in result.err


def test_every_wrong_setting_is_a_line_that_begins_with_its_place(homemail, tmp_path):
    file = tmp_path / "homemail.toml"
    file.write_text("a = 1\nb = 2\n")
    result = homemail("account", "list", "--config", file)
    assert result.status == 1
    assert [line.partition(" ")[0] for line in result.err.splitlines()] == [
        f"{file}:1:",
        f"{file}:2:",
    ]


def test_an_account_file_that_may_not_be_read_is_one_line(homemail, directory):
    (directory / "users").mkdir()
    result = homemail("account", "list", "--directory", directory)
    assert (result.status, result.err) == (1, f"homemail: {directory}/users: Is a directory\n")


@pytest.fixture
def failing(monkeypatch):
    def fail_with(error: Exception) -> None:
        def run(arguments: object) -> int:
            raise error

        monkeypatch.setattr(settings_command, "run", run)

    return fail_with


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (
            ZeroDivisionError("division by zero"),
            "homemail: unexpected ZeroDivisionError: division by zero; "
            "--traceback shows where it happened",
        ),
        (KeyError(), "homemail: unexpected KeyError; --traceback shows where it happened"),
        (ValueError("a\x1b[2J\nb"), "homemail: unexpected ValueError: a\\x1b[2J; --traceback"),
        (StorageFull("No space"), "homemail: No space"),
        (PermissionError(13, "Permission denied", "/x"), "homemail: /x: Permission denied"),
    ],
)
def test_failures_are_one_line(homemail, failing, error, said):
    failing(error)
    result = homemail("settings")
    assert result.status == 1
    assert result.err.startswith(said)
    assert len(result.err.splitlines()) == 1


def test_the_cause_of_a_failure_is_told(homemail, failing):
    error = StorageFull("Insufficient system storage")
    error.__cause__ = OSError("No space left on device")
    failing(error)
    said = "homemail: Insufficient system storage (No space left on device)\n"
    assert homemail("settings").err == said


def test_a_traceback_is_shown_where_asked_for(homemail, failing, monkeypatch):
    failing(ZeroDivisionError())
    assert "Traceback" in homemail("settings", "--traceback").err
    assert "Traceback" in homemail("--traceback", "settings").err
    monkeypatch.setenv("HOMEMAIL_TRACEBACK", "1")
    assert "Traceback" in homemail("settings").err


def test_an_interruption_is_quiet(homemail, monkeypatch):
    def interrupted(words: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(cli, "_run", interrupted)
    result = homemail("settings")
    assert (result.status, result.err) == (130, "")


@pytest.mark.slow
def test_a_reader_that_leaves_is_no_failure():
    command = f"{sys.executable} -m homemail settings --sample; echo $? >&2"
    done = subprocess.run(
        ["bash", "-c", f"({command}) | head -c 1"], capture_output=True, text=True, check=False
    )
    assert done.stderr.split() in (["141"], ["0"])  # 0: it had written all before head left


def test_each_command_is_listed_once():
    assert len({command.name for command in COMMANDS}) == len(COMMANDS)


@pytest.mark.slow
@pytest.mark.parametrize(
    "words",
    [
        ["version"],
        ["--help"],
        ["settings"],
        ["account", "list"],
        ["queue", "list"],
        ["check", "--help"],
    ],
)
def test_a_command_loads_no_more_than_it_needs(words, directory):
    program = (
        "import sys; from homemail.cli import main; main(sys.argv[1:]);"
        "print(*sorted({m.partition('.')[0] for m in sys.modules}), file=sys.stderr)"
    )
    done = python("-c", program, *words, "--directory", str(directory))
    heavy = {"twisted", "aiosmtpd", "cryptography", "OpenSSL", "dns", "asyncio"}
    assert heavy & set(done.stderr.split()) == set()
    assert done.returncode == 0


@pytest.mark.slow
def test_the_module_is_the_command():
    done = python("-m", "homemail", "nonsense")
    assert done.returncode == 2
    assert done.stderr.startswith('homemail: no command "nonsense"')
