# SPDX-License-Identifier: MIT
"""Tables and colours, at a terminal and in a pipe."""

from __future__ import annotations

import io
from contextlib import redirect_stdout

import pytest

from homemail.cli.output import print_json, print_table, printable, styled


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def terminal(monkeypatch) -> Terminal:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    return Terminal()


def test_a_table_at_a_terminal_has_headings_and_columns(terminal):
    with redirect_stdout(terminal):
        print_table(("NAME", "HOME"), [("alice", "/a"), ("bo", "")])
    assert terminal.getvalue() == "\x1b[1mNAME   HOME\x1b[0m\nalice  /a\nbo\n"


def test_an_empty_table_is_nothing(terminal):
    with redirect_stdout(terminal):
        print_table(("NAME",), [])
    assert terminal.getvalue() == ""


def test_a_table_in_a_pipe_has_tabs_and_no_headings(capsys):
    print_table(("NAME", "HOME"), [("al\tice", "/a"), ("bo", "")])
    assert capsys.readouterr().out == "al ice\t/a\nbo\t\n"


@pytest.mark.parametrize(("name", "value"), [("NO_COLOR", "1"), ("TERM", "dumb")])
def test_colours_can_be_refused(terminal, monkeypatch, name, value):
    assert styled("x", "red", terminal) == "\x1b[31mx\x1b[0m"
    monkeypatch.setenv(name, value)
    assert styled("x", "red", terminal) == "x"


def test_an_empty_no_color_refuses_nothing(terminal, monkeypatch):
    monkeypatch.setenv("NO_COLOR", "")
    assert styled("x", "red", terminal) != "x"


def test_nothing_steers_the_terminal():
    assert printable("a\x1b[2J\r\n\x9b\udcffb é") == "a\\x1b[2J\\x0d\\x0a\\x9b\\udcffb é"


def test_json_is_readable(capsys):
    print_json({"a": ["é"]})
    assert capsys.readouterr().out == '{\n  "a": [\n    "é"\n  ]\n}\n'
