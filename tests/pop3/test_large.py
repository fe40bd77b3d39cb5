# SPDX-License-Identifier: MIT
"""Large maildrops, two clients at once, and one that vanishes."""

from __future__ import annotations

import contextlib
import poplib
import socket
import threading
import time

import pytest

from tests.pop3.house import Pop3House
from tests.pop3.test_session import logged_in

MAIL = b"Subject: many\r\n\r\n.\r\n"


@pytest.mark.slow
@pytest.mark.parametrize("count", [5_000, 100_000])
def test_many_messages(loop_thread, count):
    with contextlib.closing(Pop3House(loop_thread)) as house:
        house.file("alice", *[MAIL] * count)
        client = logged_in(house)
        assert client.stat() == (count, count * len(MAIL))
        assert len(client.list()[1]) == count
        ids = [line.split()[1] for line in client.uidl()[1]]
        assert len(set(ids)) == count
        assert client.retr(count)[1] == [b"Subject: many", b"", b"."]
        gone = range(1, count + 1, 100)
        client.sock.sendall(b"".join(b"DELE %d\r\n" % number for number in gone))
        for _ in gone:
            client._getresp()
        assert client.stat()[0] == count - len(gone)
        client.quit()
        client = logged_in(house)
        assert [line.split()[1] for line in client.uidl()[1]] == [
            one for at, one in enumerate(ids) if at % 100
        ]


def test_a_second_client_waits_for_the_first(loop_thread):
    with contextlib.closing(Pop3House(loop_thread, pop3_lock_timeout=20.0)) as house:
        house.file("alice", MAIL)
        first = logged_in(house)
        got: list[tuple[int, int]] = []

        def second() -> None:
            client = logged_in(house)
            got.append(client.stat())
            client.quit()

        other = threading.Thread(target=second)
        other.start()
        first.dele(1)
        first.quit()
        other.join(20)
        assert got == [(0, 0)]


def test_a_second_client_is_sent_away_in_the_end_and_may_come_again(loop_thread):
    with contextlib.closing(Pop3House(loop_thread, pop3_lock_timeout=0.05)) as house:
        first = logged_in(house)
        second = poplib.POP3("127.0.0.1", house.port, timeout=20)
        second.user("alice")
        with pytest.raises(poplib.error_proto, match=r"\[IN-USE\]"):
            second.pass_("alice-secret")
        first.quit()
        second.user("alice")
        second.pass_("alice-secret")
        second.quit()


def test_the_system_watches_over_a_silent_client(loop_thread, monkeypatch):
    """A client whose machine is gone sends no FIN: keepalive ends its connection, and its lock."""
    with contextlib.closing(Pop3House(loop_thread)) as house:
        client = logged_in(house)
        [connection] = house.factory._tasks.values()
        served = connection.transport.socket
        assert served.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
        idle = served.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE)
        interval = served.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL)
        count = served.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT)
        assert idle + interval * count <= 120
        assert served.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 120_000
        client.close()


def test_the_lock_goes_with_its_connection(loop_thread):
    with contextlib.closing(Pop3House(loop_thread, pop3_lock_timeout=20.0)) as house:
        house.file("alice", *[b"Subject: x\r\n\r\n" + b"x" * 2_000_000 + b"\r\n"] * 2)
        vanishes = logged_in(house)
        vanishes.sock.sendall(b"DELE 1\r\nRETR 2\r\n")
        vanishes.sock.recv(1000)
        vanishes.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        vanishes.file.close()
        vanishes.sock.close()  # in the middle of an answer, with a reset
        begun = time.monotonic()
        client = logged_in(house)
        assert time.monotonic() - begun < 10
        assert client.stat()[0] == 2
