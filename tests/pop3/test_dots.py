# SPDX-License-Identifier: MIT
from __future__ import annotations

import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from homemail.pop3.dots import stuffed, top

MESSAGE = b".a\r\n..b\r\n\r\n.\r\nc.\r\n.\r\n..\r\n\n.bare\r.x\r\n.last"
STUFFED = b"..a\r\n...b\r\n\r\n..\r\nc.\r\n..\r\n...\r\n\n.bare\r.x\r\n..last\r\n.\r\n"


def unstuffed(octets: bytes) -> bytes:
    lines = octets.split(b"\r\n")
    assert lines[-2:] == [b".", b""]
    assert b"." not in lines[:-2]
    return b"\r\n".join([line[line.startswith(b".") :] for line in lines[:-2]] + [b""])


def test_whole():
    assert b"".join(stuffed([MESSAGE])) == STUFFED


def test_octet_by_octet():
    assert b"".join(stuffed(bytes([octet]) for octet in MESSAGE)) == STUFFED


@pytest.mark.parametrize("first", range(len(MESSAGE) + 1))
def test_cut_twice_anywhere(first):
    for second in range(first, len(MESSAGE) + 1):
        pieces = [MESSAGE[:first], MESSAGE[first:second], MESSAGE[second:]]
        assert b"".join(stuffed(pieces)) == STUFFED


def test_nothing_at_all():
    assert b"".join(stuffed([])) == b".\r\n"


@given(st.lists(st.text(alphabet=".\r\na", max_size=6).map(str.encode), max_size=6))
@settings(max_examples=300, deadline=None)
def test_what_a_client_takes_off_was_put_on(pieces):
    message = b"".join(pieces)
    got = unstuffed(b"".join(stuffed(pieces)))
    assert got == (message if message.endswith(b"\r\n") or not message else message + b"\r\n")


@pytest.mark.parametrize(
    ("message", "lines", "wanted"),
    [
        (b"A: 1\r\nB: 2\r\n\r\nx\r\ny\r\n", 0, b"A: 1\r\nB: 2\r\n\r\n"),
        (b"A: 1\r\n\r\nx\r\ny\r\n", 1, b"A: 1\r\n\r\nx\r\n"),
        (b"A: 1\r\n\r\nx\r\ny\r\n", 9, b"A: 1\r\n\r\nx\r\ny\r\n"),
        (b"A: 1\r\n\r\n\r\n\r\ny\r\n", 2, b"A: 1\r\n\r\n\r\n\r\n"),
        (b"A: 1\r\nno body", 3, b"A: 1\r\nno body"),
        (b"\r\nbody\r\n", 0, b"\r\n"),
        (b"", 5, b""),
        (b"A: 1\r\n\r\nx", 1, b"A: 1\r\n\r\nx"),
    ],
)
def test_top(message, lines, wanted):
    assert b"".join(top(io.BytesIO(message), lines)) == wanted


def test_top_of_lines_longer_than_a_piece():
    header = b"A: " + b"x" * 65_533 + b"\r\n" + b"B: " + b"y" * 200_000 + b"\r\n\r\n"
    body = b"z" * 200_000 + b"\r\nend\r\n"
    assert b"".join(top(io.BytesIO(header + body), 0)) == header
    assert b"".join(top(io.BytesIO(header + body), 1)) == header + b"z" * 200_000 + b"\r\n"
