# SPDX-License-Identifier: MIT
from __future__ import annotations

import pytest

from homemail.pop3.connection import (
    COMMAND_OCTETS,
    RESPONSE_OCTETS,
    Bad,
    Command,
    Connection,
    parse_command,
    parse_number,
)

STREAM = (
    b"USER alice\r\npass a b \r\n\r\nSTAT\nUIDL " + b"9" * 600 + b"\r\nLIST 1\r\nR\x00\r\nQUIT\r\n"
)
COMMANDS = [
    Command("USER", b"alice"),
    Command("PASS", b"a b "),
    Bad("Not a command"),
    Command("STAT"),
    Bad("Line too long"),
    Command("LIST", b"1"),
    Bad("Control character in a command"),
    Command("QUIT"),
]


def commands(*pieces: bytes) -> list[Command | Bad]:
    connection, found = Connection(), []
    for piece in pieces:
        connection.receive(piece)
        while (command := connection.next_command()) is not None:
            found.append(command)
    assert connection.is_empty()
    return found


def test_whole():
    assert commands(STREAM) == COMMANDS


def test_octet_by_octet():
    assert commands(*(bytes([octet]) for octet in STREAM)) == COMMANDS


@pytest.mark.parametrize("cut", range(0, len(STREAM), 1))
def test_cut_anywhere(cut):
    assert commands(STREAM[:cut], STREAM[cut:]) == COMMANDS


def test_a_name_of_a_megabyte_is_not_held():
    connection = Connection()
    connection.receive(b"USER ")
    for _ in range(1024):
        connection.receive(b"x" * 1024)
        assert connection.next_command() is None
        assert len(connection._buffer) <= COMMAND_OCTETS + 1024
    connection.receive(b"\r\nQUIT\r\n")
    assert connection.next_command() == Bad("Line too long")
    assert connection.next_command() == Command("QUIT")


def test_the_longest_command():
    room = COMMAND_OCTETS - len("PASS \r\n")
    assert commands(b"PASS " + b"x" * room + b"\r\n") == [Command("PASS", b"x" * room)]
    assert commands(b"PASS " + b"x" * (room + 1) + b"\r\n") == [Bad("Line too long")]


def test_responses_have_a_limit_of_their_own():
    connection = Connection()
    connection.receive(
        b"A" * RESPONSE_OCTETS + b"\r\n" + b"B" * (RESPONSE_OCTETS + 1) + b"\r\n*\r\n"
    )
    assert connection.next_response() == b"A" * RESPONSE_OCTETS
    assert connection.next_response() == Bad("Line too long")
    assert connection.next_response() == b"*"
    assert connection.next_response() is None


@pytest.mark.parametrize("line", [b"", b" STAT", b"1", b"A" * 17, b"ST\xc3\xa4T", b"STAT\t1"])
def test_no_command(line):
    assert isinstance(parse_command(line), Bad)


@pytest.mark.parametrize(
    ("text", "number"),
    [
        (b"0", 0),
        (b"007", 7),
        (b"4294967296", 4294967296),
        (b"9" * 500, 10**10),
        (b"", None),
        (b"-1", None),
        (b"+1", None),
        (b"1.0", None),
        (b"\xd9\xa1", None),
        (b"1_0", None),
    ],
)
def test_numbers(text, number):
    assert parse_number(text) == number
