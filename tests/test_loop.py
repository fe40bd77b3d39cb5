# SPDX-License-Identifier: MIT
"""Twisted and asyncio share the loop."""

import smtplib

from aiosmtpd.smtp import SMTP
from twisted.internet.protocol import Factory, Protocol

from tests.transcript import SocketConnection


class Echo(Protocol):
    def dataReceived(self, data: bytes) -> None:
        self.transport.write(data)


def test_a_twisted_and_an_asyncio_server_answer(loop_thread):
    port, stop = loop_thread.listen_twisted(Factory.forProtocol(Echo))
    line = SocketConnection("127.0.0.1", port)
    line.send(b"hello\r\n")
    assert line.readline() == b"hello\r\n"
    line.close()
    stop()

    port, stop = loop_thread.listen_asyncio(
        lambda: SMTP(object(), hostname="home.test", loop=loop_thread.loop)
    )
    with smtplib.SMTP("127.0.0.1", port) as client:
        assert client.noop()[0] == 250
    stop()
