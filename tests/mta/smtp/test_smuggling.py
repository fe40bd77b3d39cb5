# SPDX-License-Identifier: MIT
"""SMTP smuggling in every known form: what looks like the end of DATA to others is none here.

The sequences are the public ones (SEC Consult, December 2023; CVE-2023-51764, CVE-2023-51765,
CVE-2023-51766).
"""

from __future__ import annotations

import socket

import pytest

FALSE_ENDS = [
    b"\n.\n",
    b"\n.\r\n",
    b"\r\n.\n",
    b"\r.\r",
    b"\r\n.\r",
    b"\r.\r\n",
    b"\n.\r",
    b"\r.\n",
    b"\r\n.\x00\r\n",
    b"\r\n\x00.\r\n",
    b"\r\n .\r\n",
    b"\r\n.\t\r\n",
    b"\n\n.\r\n",
    b"\r\r\n.\r\r\n",
    b"\r\n.\r\r\n",
    b"\x85.\x85",
    b"\x0b.\x0b",
    b"\x0c.\x0c",
    b"\xe2\x80\xa8.\xe2\x80\xa8",
]
START = b"EHLO x\r\nMAIL FROM:<a@example.org>\r\nRCPT TO:<bob@home.test>\r\n"
SMUGGLED = (
    b"MAIL FROM:<evil@example.org>\r\nRCPT TO:<bob@home.test>\r\nDATA\r\n"
    b"Subject: smuggled\r\n\r\nx\r\n.\r\n"
)


def talk(port: int, pieces: list[bytes]) -> list[bytes]:
    """Send everything, end our half, return the lines of the server."""
    with socket.create_connection(("127.0.0.1", port), 10) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for piece in pieces:
            connection.sendall(piece)
        connection.shutdown(socket.SHUT_WR)
        with connection.makefile("rb") as lines:
            return list(lines)


def check_one_message(house, replies: list[bytes]) -> None:
    """Nothing but the outer message came, or it was refused; every later line was text."""
    assert sum(line.startswith(b"354") for line in replies) == 1, replies
    assert len(house.messages) <= 1
    for message in house.messages:
        assert b"Subject: outer" in message.partition(b"\r\n\r\n")[0]


@pytest.mark.parametrize("end", FALSE_ENDS, ids=repr)
def test_data_goes_on(listening, house, end):
    port = listening.listen()
    stream = START + b"DATA\r\nSubject: outer\r\n\r\nbody" + end + SMUGGLED
    check_one_message(house, talk(port, [stream]))


@pytest.mark.parametrize("end", FALSE_ENDS[:9], ids=repr)
def test_data_goes_on_octet_by_octet(listening, house, end):
    port = listening.listen()
    stream = START + b"DATA\r\nSubject: outer\r\n\r\nbody" + end + SMUGGLED
    check_one_message(house, talk(port, [bytes([octet]) for octet in stream]))


@pytest.mark.parametrize("end", FALSE_ENDS, ids=repr)
def test_chunk_is_no_command(listening, house, end):
    port = listening.listen()
    body = b"Subject: outer\r\n\r\nbody" + end + SMUGGLED
    replies = talk(port, [START + b"BDAT %d LAST\r\n" % len(body) + body + b"QUIT\r\n"])
    assert not any(line.startswith(b"354") for line in replies)
    assert sum(b"queued as" in line for line in replies) == len(house.messages) <= 1
    for message in house.messages:
        assert b"Subject: outer" in message.partition(b"\r\n\r\n")[0]


def test_message_behind_the_true_end_is_another(listening, house):
    port = listening.listen()
    replies = talk(port, [START + b"DATA\r\nSubject: outer\r\n\r\nbody\r\n.\r\n" + SMUGGLED])
    assert [line for line in replies if b"queued as" in line] == [
        b"250 2.0.0 Ok: queued as TRACE1\r\n",
        b"250 2.0.0 Ok: queued as TRACE2\r\n",
    ]
    assert len(house.messages) == 2


def test_command_lines_end_in_crlf_alone(listening, house):
    port = listening.listen()
    replies = talk(port, [b"EHLO x\nNOOP\rMAIL\r\nNOOP\r\n"])
    assert replies[1:] == [
        b"500 5.5.2 Error: bare <LF> received\r\n",
        b"500 5.5.2 Error: control character received\r\n",
        b"250 2.0.0 Ok\r\n",
    ]
