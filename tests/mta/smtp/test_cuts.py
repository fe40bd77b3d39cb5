# SPDX-License-Identifier: MIT
"""The same stream gives the same replies and messages wherever it is cut."""

from __future__ import annotations

import asyncio

import pytest

from homemail.mta.transaction import Service
from tests.mta.smtp_server import House

STREAMS = {
    "messages": (
        Service.SMTP,
        b"EHLO x\r\nMAIL FROM:<a@example.org>\r\nRCPT TO:<alice@home.test>\r\nDATA\r\n"
        b"Subject: one\r\n\r\n..dot\r\n.\r\nMAIL FROM:<>\r\nRCPT TO:<nobody@home.test>\r\n"
        b"RCPT TO:<bob@home.test>\r\nBDAT 5\r\nab\r\ncBDAT 4 LAST\r\nd\r\nxQUIT\r\n",
    ),
    "refusals": (
        Service.SMTP,
        b"EHLO x\nNOOP\r\nEHLO x\r\nBDAT 6\r\nQUIT\r\nMAIL FROM:<a@example.org>\r\n"
        b"RCPT TO:<alice@home.test>\r\nDATA\r\na\n.\nb\r.\r\n.\r\r\n.\r\nRSET\r\nBDAT x\r\n",
    ),
    "logins": (
        Service.SUBMISSION,
        b"EHLO x\r\nAUTH LOGIN\r\nYWxpY2U=\r\n*\r\nAUTH PLAIN AGFsaWNlAGFsaWNlLXNlY3JldA==\r\n"
        b"MAIL FROM:<alice@home.test>\r\nRCPT TO:<bob@home.test>\r\nDATA\r\n.\r\nQUIT\r\n",
    ),
    "lmtp": (
        Service.LMTP,
        b"LHLO x\r\nMAIL FROM:<a@example.org>\r\nRCPT TO:<alice@home.test>\r\n"
        b"RCPT TO:<bob@home.test>\r\nDATA\r\n\r\n.\r\nQUIT\r\n",
    ),
}


class Wire(asyncio.Transport):
    """A transport that keeps what is written."""

    def __init__(self, protocol: asyncio.Protocol) -> None:
        super().__init__({"peername": ("127.0.0.1", 4000)})
        self.protocol, self.written, self.closed = protocol, b"", asyncio.Event()

    def write(self, data: bytes) -> None:
        self.written += data

    def get_write_buffer_size(self) -> int:
        return 0

    def can_write_eof(self) -> bool:
        return False

    def is_closing(self) -> bool:
        return self.closed.is_set()

    def close(self) -> None:
        if not self.closed.is_set():
            self.closed.set()
            self.protocol.connection_lost(None)

    abort = close


async def play(tmp_path, service: Service, pieces: list[bytes]) -> tuple[bytes, list[bytes]]:
    house = House(tmp_path)
    protocol = house.service(service).protocol()
    wire = Wire(protocol)
    protocol.connection_made(wire)
    for piece in pieces:
        protocol.data_received(piece)
        for _ in range(3):  # let the conversation come to rest
            await asyncio.sleep(0)
    await asyncio.wait_for(wire.closed.wait(), 10)
    return wire.written, house.messages


@pytest.mark.slow
@pytest.mark.parametrize("name", STREAMS)
def test_every_cut_gives_the_same(name, tmp_path):
    service, stream = STREAMS[name]

    async def all_cuts() -> None:
        whole = await play(tmp_path, service, [stream])
        assert whole[0].endswith((b"221 2.0.0 Bye\r\n", b"Syntax: BDAT count [LAST]\r\n"))
        octets = [bytes([octet]) for octet in stream]
        assert await play(tmp_path, service, octets) == whole
        for at in range(1, len(stream)):
            assert await play(tmp_path, service, [stream[:at], stream[at:]]) == whole, at

    asyncio.run(all_cuts())
