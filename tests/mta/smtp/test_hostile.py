# SPDX-License-Identifier: MIT
"""Input that means harm: bounded memory, exact replies, and the others are served meanwhile."""

from __future__ import annotations

import os
import resource
import socket
import threading
from dataclasses import replace

import pytest

from homemail.model.delivery import Delivered
from homemail.mta.transaction import Service
from tests.mta.smtp.test_smuggling import START, talk
from tests.mta.smtp_server import SETTINGS
from tests.transcript import SocketConnection


def peak_memory() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def send_endless(port: int, start: bytes, piece: bytes, times: int, end: bytes) -> list[bytes]:
    """Send ``piece`` many times; the server may close before it is all sent."""
    with socket.create_connection(("127.0.0.1", port), 30) as connection:
        connection.sendall(start)
        try:
            for _ in range(times):
                connection.sendall(piece)
            connection.sendall(end)
            connection.shutdown(socket.SHUT_WR)
        except OSError:
            pass
        with connection.makefile("rb") as lines:
            return list(lines)


@pytest.mark.slow
def test_endless_command_line_is_not_held(listening):
    port = listening.listen()
    before = peak_memory()
    replies = send_endless(port, b"", b"x" * 1_000_000, 200, b"\r\nNOOP\r\n")
    assert replies[1:] == [b"500 5.5.2 Error: line too long\r\n", b"250 2.0.0 Ok\r\n"]
    assert peak_memory() - before < 50_000_000


@pytest.mark.slow
def test_endless_line_of_a_message_is_not_held(listening, house):
    port = listening.listen()
    before = peak_memory()
    start = START + b"DATA\r\n"
    replies = send_endless(port, start, b"x" * 1_000_000, 200, b"\r\n.\r\nNOOP\r\n")
    assert replies[-2:] == [
        b"552 5.3.4 Message size exceeds fixed limit\r\n",
        b"250 2.0.0 Ok\r\n",
    ]
    assert peak_memory() - before < 50_000_000
    assert house.messages == []
    assert os.listdir(house.spool) == []


@pytest.mark.slow
def test_100000_recipients(listening, house):
    port = listening.listen()
    house.deliver.answers["alice"] = Delivered("filed")
    names = b"".join(b"RCPT TO:<alice+%d@home.test>\r\n" % number for number in range(100_000))
    with socket.create_connection(("127.0.0.1", port), 30) as connection:
        sender = threading.Thread(target=_send_quietly, args=(connection, START + names))
        sender.start()
        with connection.makefile("rb") as lines:
            replies = list(lines)
        sender.join()
    accepted = replies.count(b"250 2.1.5 Ok\r\n")
    assert accepted == 1000
    assert b"452 4.5.3 Error: too many recipients\r\n" in replies
    assert replies[-1] == b"421 4.7.0 mail.home.test Error: too many errors\r\n"
    assert house.messages == []


def _send_quietly(connection: socket.socket, data: bytes) -> None:
    try:
        connection.sendall(data)
    except OSError:
        pass


def test_mail_with_50_parameters(listening):
    port = listening.listen()
    parameters = b" ".join(b"X%d=1" % number for number in range(50))
    replies = talk(port, [b"EHLO x\r\nMAIL FROM:<a@example.org> " + parameters + b"\r\n"])
    assert replies[-1] == b"501 5.5.4 Too many parameters\r\n"


def test_nul_in_a_message_is_refused(listening, house):
    port = listening.listen()
    replies = talk(port, [START + b"DATA\r\na\0b\r\n.\r\nNOOP\r\n"])
    assert replies[-2:] == [b"550 5.5.2 Error: NUL received\r\n", b"250 2.0.0 Ok\r\n"]
    assert house.messages == []


@pytest.mark.slow
def test_silent_client_is_sent_away(listening, house):
    house.settings = replace(SETTINGS, smtpd_timeout=0.2)
    line = SocketConnection("127.0.0.1", listening.listen())
    line.readline()
    assert line.readline() == b"421 4.4.2 mail.home.test Error: timeout exceeded\r\n"
    assert line.readline() == b""


@pytest.mark.slow
def test_line_that_comes_octet_by_octet_does_not_last_for_ever(listening, house):
    house.settings = replace(SETTINGS, smtpd_timeout=0.3)
    line = SocketConnection("127.0.0.1", listening.listen())
    line.readline()
    stop = threading.Event()

    def drip() -> None:
        while not stop.wait(0.02):
            try:
                line.send(b"x")
            except OSError:
                return

    dripping = threading.Thread(target=drip)
    dripping.start()
    assert line.readline().startswith(b"421 4.4.2 ")
    stop.set()
    dripping.join()


@pytest.mark.slow
def test_message_that_comes_too_slowly_ends(listening, house):
    house.settings = replace(SETTINGS, smtpd_timeout=0.3)
    line = SocketConnection("127.0.0.1", listening.listen())
    line.send(START + b"DATA\r\n")
    while not line.readline().startswith(b"354"):
        pass
    stop = threading.Event()

    def drip() -> None:
        while not stop.wait(0.02):
            try:
                line.send(b"x")
            except OSError:
                return

    dripping = threading.Thread(target=drip)
    dripping.start()
    assert line.readline().startswith(b"421 4.4.2 ")
    stop.set()
    dripping.join()
    assert house.messages == []


@pytest.mark.slow
def test_client_that_never_reads_is_cut(listening, house):
    house.settings = replace(SETTINGS, smtpd_timeout=0.3, smtpd_junk_command_limit=10**9)
    port = listening.listen()
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.connect(("127.0.0.1", port))
        connection.settimeout(0.2)
        helps = b"HELP\r\n" * 10_000
        with pytest.raises(OSError):
            for _ in range(1000):
                connection.sendall(helps)
    (service,) = listening.services
    listening.loop_thread.run(_until_left(service))


async def _until_left(service) -> None:
    await service.shutdown(5.0)
    assert not service._connections


def test_too_many_connections_of_one_client(listening, house):
    house.settings = replace(SETTINGS, smtpd_client_connection_count_limit=2)
    port = listening.listen()
    first, second = (SocketConnection("127.0.0.1", port) for _ in range(2))
    assert first.readline().startswith(b"220 ")
    assert second.readline().startswith(b"220 ")
    third = SocketConnection("127.0.0.1", port)
    expected = b"421 4.7.0 mail.home.test Error: too many connections from 127.0.0.1\r\n"
    assert third.readline() == expected
    assert third.readline() == b""
    first.send(b"QUIT\r\n")
    assert first.readline().startswith(b"221 ")
    assert first.readline() == b""
    fourth = SocketConnection("127.0.0.1", port)
    assert fourth.readline().startswith(b"220 ")
    for line in (first, second, third, fourth):
        line.close()


def test_too_many_connections_in_all(listening, house):
    house.settings = replace(SETTINGS, smtpd_connection_limit=1)
    port = listening.listen(Service.LMTP)
    first = SocketConnection("127.0.0.1", port)
    assert first.readline().startswith(b"220 ")
    second = SocketConnection("127.0.0.1", port)
    assert second.readline() == b"421 4.3.2 mail.home.test Error: too many connections\r\n"
    first.close()
    second.close()
