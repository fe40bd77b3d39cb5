# SPDX-License-Identifier: MIT
"""What happens to connections: pipelining, the end of the stream, TLS, spooling, shutdown."""

from __future__ import annotations

import asyncio
import os
import smtplib
import socket
import ssl
import threading
from dataclasses import replace

import pytest

from homemail.model.delivery import Delivered
from homemail.mta.transaction import Service
from tests.mta.smtp.test_smuggling import START, talk
from tests.mta.smtp_server import SETTINGS
from tests.transcript import SocketConnection

MESSAGE = START + b"DATA\r\nSubject: hello\r\n\r\nbody\r\n.\r\n"


def unverified() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


class Gate:
    """A delivery that waits until the test lets it go on."""

    def __init__(self, loop_thread) -> None:
        self.loop_thread = loop_thread
        self.begun = threading.Event()
        self.open = loop_thread.call(asyncio.Event)

    async def __call__(self):
        self.begun.set()
        await self.open.wait()
        return Delivered("filed")

    def let_go(self) -> None:
        self.loop_thread.call(self.open.set)


def wait_filed(listening) -> None:
    """Wait until a message was filed."""
    listening.loop_thread.run(listening.house.deliver.was_filed(), 10)


def test_every_octet_in_a_piece_of_its_own(listening, house):
    port = listening.listen()
    replies = talk(port, [bytes([octet]) for octet in MESSAGE + b"QUIT\r\n"])
    assert replies[-2:] == [b"250 2.0.0 Ok: queued as TRACE1\r\n", b"221 2.0.0 Bye\r\n"]
    assert house.messages[0].endswith(b"\r\nSubject: hello\r\n\r\nbody\r\n")


def test_pipelined_replies_come_in_one_write(listening):
    port = listening.listen()
    with socket.create_connection(("127.0.0.1", port), 10) as connection:
        connection.recv(1000)
        connection.sendall(b"EHLO x\r\n" + b"NOOP\r\n" * 50)
        got = connection.recv(100_000)
    assert got.count(b"\r\n") == 11 + 50


def test_end_of_stream_after_the_dot_does_not_stop_the_delivery(listening, house, loop_thread):
    gate = Gate(loop_thread)
    house.deliver.answers["bob"] = gate
    port = listening.listen()
    line = SocketConnection("127.0.0.1", port)
    line.send(MESSAGE)
    assert gate.begun.wait(10)
    line.close()
    listening.settle()
    gate.let_go()
    wait_filed(listening)


def test_reset_after_the_dot_does_not_stop_the_delivery(listening, house, loop_thread):
    gate = Gate(loop_thread)
    house.deliver.answers["bob"] = gate
    port = listening.listen()
    with socket.create_connection(("127.0.0.1", port), 10) as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        connection.sendall(MESSAGE)
        assert gate.begun.wait(10)
    listening.settle()
    gate.let_go()
    wait_filed(listening)


def test_end_of_stream_before_the_dot_files_nothing(listening, house):
    port = listening.listen()
    replies = talk(port, [MESSAGE[:-3]])
    assert replies[-1].startswith(b"354")
    assert house.deliver.tries == []


def test_delivery_that_is_late_goes_by_the_queue(listening, house, loop_thread):
    house.delivery_seconds = 0.01
    gate = Gate(loop_thread)
    house.deliver.answers["bob"] = gate
    replies = talk(listening.listen(), [MESSAGE])
    assert replies[-1] == b"250 2.0.0 Ok: queued as TRACE1\r\n"
    assert list(house.queue.kept) == ["TRACE1"]
    gate.let_go()
    wait_filed(listening)


@pytest.mark.parametrize("size", [255_000, 262_144, 300_000, 3_000_000])
def test_large_message_goes_through_a_file_without_a_name(listening, house, size):
    house.settings = replace(SETTINGS, message_size_limit=size + 10)
    body = (b"." + b"x" * 97 + b"\r\n") * (size // 100)
    stuffed = body.replace(b".x", b"..x")
    replies = talk(listening.listen(), [START + b"DATA\r\n" + stuffed + b".\r\n"])
    assert replies[-1] == b"250 2.0.0 Ok: queued as TRACE1\r\n"
    (message,) = house.messages
    assert message.endswith(b"\r\n\r\n" + body)
    assert os.listdir(house.spool) == []


def test_spool_that_cannot_be_written_is_temporary(listening, house, tmp_path):
    house.spool = tmp_path / "missing"
    body = b"x" * 98 + b"\r\n"
    replies = talk(listening.listen(), [START + b"DATA\r\n" + body * 5000 + b".\r\nNOOP\r\n"])
    assert replies[-2].startswith(b"451 4.3.0 Local trouble")
    assert replies[-1] == b"250 2.0.0 Ok\r\n"


def test_size_is_enforced_while_the_message_comes(listening, house):
    house.settings = replace(SETTINGS, message_size_limit=1000)
    replies = talk(listening.listen(), [START + b"DATA\r\n" + b"x" * 2000 + b"\r\n.\r\nNOOP\r\n"])
    refusal = b"552 5.3.4 Message size exceeds fixed limit\r\n"
    assert replies[-2:] == [refusal, b"250 2.0.0 Ok\r\n"]
    assert house.messages == []


def test_size_is_enforced_over_chunks(listening, house):
    house.settings = replace(SETTINGS, message_size_limit=1000)
    chunk = b"BDAT 800\r\n" + b"x" * 800
    replies = talk(listening.listen(), [START + chunk + chunk + b"BDAT 2 LAST\r\n\r\n"])
    assert replies[-3:] == [
        b"250 2.0.0 Ok: 800 octets\r\n",
        b"552 5.3.4 Message size exceeds fixed limit\r\n",
        b"503 5.5.1 Error: need RCPT command\r\n",
    ]
    assert house.messages == []


def test_implicit_tls_offers_auth(listening, house, tls_context):
    house.ssl_context, house.implicit_tls = tls_context, True
    port = listening.listen(Service.SUBMISSION)
    with smtplib.SMTP_SSL("127.0.0.1", port, timeout=10, context=unverified()) as client:
        client.ehlo()
        assert not client.has_extn("starttls")
        client.login("alice", "alice-secret")
        client.sendmail("alice@home.test", ["bob@home.test"], b"Subject: hello\r\n\r\nbody\r\n")
    (message,) = house.messages
    assert b" with ESMTPSA id TRACE1\r\n" in message
    assert b" (using TLSv1" in message


def test_starttls_by_smtplib_and_a_large_message(listening, house, tls_context):
    house.ssl_context = tls_context
    port = listening.listen(Service.SUBMISSION)
    body = b"x" * 70 + b"\r\n"
    with smtplib.SMTP("127.0.0.1", port, timeout=10) as client:
        client.starttls(context=unverified())
        client.login("alice", "alice-secret")
        client.sendmail("alice@home.test", ["bob@home.test"], b"\r\n" + body * 20_000)
    assert house.messages[0].endswith(body * 20_000)


def test_plain_text_instead_of_the_handshake_closes(listening, house, tls_context):
    house.ssl_context = tls_context
    line = SocketConnection("127.0.0.1", listening.listen())
    line.send(b"EHLO x\r\nSTARTTLS\r\n")
    while not line.readline().startswith(b"220 2.0.0"):
        pass
    line.send(b"MAIL FROM:<a@example.org>\r\nRCPT TO:<bob@home.test>\r\nDATA\r\n")
    rest = line.readline()
    assert not rest[:3].isdigit()
    line.close()


def test_no_auth_without_tls_from_elsewhere(listening, house):
    from homemail.model.session import Peer
    from homemail.mta.smtp.session import Session

    service = listening.loop_thread.run(_make(house))
    session = Session(
        Service.SMTP,
        service.transactions,
        SETTINGS,
        Peer("192.0.2.1", 1000),
        server_name="mail.home.test",
        authenticator=service.authenticator,
    )
    greeting = listening.loop_thread.run(session.line(b"EHLO x"))
    assert "AUTH" not in greeting.replies[0].text
    refused = listening.loop_thread.run(session.line(b"AUTH PLAIN AGFsaWNlAGFsaWNlLXNlY3JldA=="))
    assert str(refused.replies[0]) == "538 5.7.11 Encryption required for requested mechanism"


async def _make(house):
    return house.service(Service.SMTP)


def test_shutdown_says_421_to_the_idle(listening):
    line = SocketConnection("127.0.0.1", listening.listen())
    line.readline()
    (service,) = listening.services
    listening.loop_thread.run(service.shutdown())
    assert line.readline() == b"421 4.3.2 mail.home.test Service shutting down\r\n"
    assert line.readline() == b""


def test_shutdown_finishes_what_is_being_accepted(listening, house, loop_thread):
    gate = Gate(loop_thread)
    house.deliver.answers["bob"] = gate
    line = SocketConnection("127.0.0.1", listening.listen())
    line.send(MESSAGE)
    assert gate.begun.wait(10)
    (service,) = listening.services
    ending = asyncio.run_coroutine_threadsafe(service.shutdown(), loop_thread.loop)
    gate.let_go()
    ending.result(10)
    replies = []
    while reply := line.readline():
        replies.append(reply)
    assert replies[-2:] == [
        b"250 2.0.0 Ok: queued as TRACE1\r\n",
        b"421 4.3.2 mail.home.test Service shutting down\r\n",
    ]


def test_shutdown_cuts_what_does_not_finish(listening, house, loop_thread):
    line = SocketConnection("127.0.0.1", listening.listen())
    line.send(MESSAGE[:-3])
    while not line.readline().startswith(b"354"):
        pass
    (service,) = listening.services
    listening.loop_thread.run(service.shutdown(0.05))
    assert line.readline() == b"421 4.3.2 mail.home.test Service shutting down\r\n"
    assert line.readline() == b""
    assert house.messages == []


def test_new_connection_during_shutdown_is_refused(listening):
    port = listening.listen()
    (service,) = listening.services
    listening.loop_thread.run(service.shutdown())
    line = SocketConnection("127.0.0.1", port)
    assert line.readline() == b"421 4.3.2 mail.home.test Service shutting down\r\n"
    line.close()
