# SPDX-License-Identifier: MIT
from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from homemail.managesieve.connection import Bad, Command, Connection
from homemail.managesieve.dialogue import string

STREAM = (
    b"NOOP\r\n"
    b'putscript "a b" {7+}\r\nke"p;\r\n\r\n'
    b'HAVESPACE "x" 4294967295\r\n'
    b"GETSCRIPT {0+}\r\n\r\n"
    b'RENAMESCRIPT "a\\"b\\\\" {3+}\r\n{1} \r\n'
    b'NOOP "unclosed\r\n'
    b"PUTSCRIPT \x00 {4+}\r\n\r\n\r\n\r\n"
    b"PUTSCRIPT {3+}\r\nfoo {30+}\r\n" + b"x" * 30 + b' "y"\r\n'
    b"LOGOUT\n"
)
EXPECTED = [
    Command("NOOP"),
    Command("PUTSCRIPT", (b"a b", b'ke"p;\r\n')),
    Command("HAVESPACE", (b"x", 4294967295)),
    Command("GETSCRIPT", (b"",)),
    Command("RENAMESCRIPT", (b'a"b\\', b"{1}")),
    Bad("Not a command"),
    Bad("Not a command"),
    Bad("At most 20 octets, please", "QUOTA/MAXSIZE"),
    Command("LOGOUT"),
]


def events(*pieces: bytes) -> list[Command | Bad]:
    connection = Connection(20)
    found = []
    for piece in pieces:
        connection.receive(piece)
        while (command := connection.next_command()) is not None:
            found.append(command)
    return found


def test_whole() -> None:
    assert events(STREAM) == EXPECTED


def test_octet_by_octet() -> None:
    assert events(*(STREAM[at : at + 1] for at in range(len(STREAM)))) == EXPECTED


@pytest.mark.parametrize("at", range(len(STREAM)))
def test_cut_in_two(at: int) -> None:
    assert events(STREAM[:at], STREAM[at:]) == EXPECTED


@settings(deadline=None, max_examples=300)
@given(
    st.lists(st.sampled_from([b"NOOP", b'"', b"{3+}\r\n", b"{30}\r\n", b"\r\n", b" ", b"\\", b"9"]))
)
def test_any_stream_is_commands_or_errors(pieces: list[bytes]) -> None:
    whole = b"".join(pieces)
    assert events(whole) == events(*(whole[at : at + 1] for at in range(len(whole))))


@settings(deadline=None, max_examples=100)
@given(st.binary(max_size=1100))
def test_what_we_write_is_what_is_read(octets: bytes) -> None:
    connection = Connection(2000)
    connection.receive(b"NOOP " + string(octets) + b"\r\n")
    assert connection.next_command() == Command("NOOP", (octets,))


def test_a_literal_that_is_thrown_away_is_not_held() -> None:
    connection = Connection(20)
    connection.receive(b"NOOP {1000000+}\r\n")
    for _ in range(1000):
        connection.receive(b"x" * 1000)
        assert connection.next_command() is None
        assert connection.is_empty()
    connection.receive(b"\r\n")
    assert connection.next_command() == Bad("At most 20 octets, please", "QUOTA/MAXSIZE")


def test_a_response_is_one_string() -> None:
    connection = Connection(20)
    connection.receive(b'"YQ=="\r\n{4+}\r\nYQ==\r\nYQ==\r\n\r\n"a" "b"\r\n')
    assert connection.next_response() == b"YQ=="
    assert connection.next_response() == b"YQ=="
    for _ in range(3):
        assert isinstance(connection.next_response(), Bad)
    assert connection.next_response() is None
