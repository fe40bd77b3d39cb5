# SPDX-License-Identifier: MIT
"""COMPRESS=DEFLATE (RFC 4978): both ways, cut anywhere, hostile."""

from __future__ import annotations

import zlib

import pytest

from homemail.imap.deflated import Deflated, NotCompressed
from homemail.stream import READ_AHEAD
from tests.imap.conftest import HELLO
from tests.imap.test_server import greeted, logged_in, read_to


class Compressed:
    """A client's end of a line after COMPRESS."""

    def __init__(self, line) -> None:
        self.line = line
        self.deflate = zlib.compressobj(9, zlib.DEFLATED, -15)
        self.inflate = zlib.decompressobj(-15)
        self.plain = b""

    def send(self, data: bytes, flush: int = zlib.Z_SYNC_FLUSH) -> None:
        self.line.send(self.deflate.compress(data) + self.deflate.flush(flush))

    def readline(self) -> bytes:
        while b"\n" not in self.plain and not self.inflate.eof:
            octet = self.line._file.read(1)
            if not octet:
                break
            self.plain += self.inflate.decompress(octet)
        line, newline, self.plain = self.plain.partition(b"\n")
        return line + newline


def compressed(house) -> Compressed:
    line = logged_in(house)
    line.send(b"z COMPRESS DEFLATE\r\n")
    assert line.readline() == b"z OK Compression begins now\r\n"
    return Compressed(line)


def test_both_directions(house):
    house.deliver("alice", HELLO, HELLO)
    client = compressed(house)
    client.send(b"a SELECT INBOX\r\nb FETCH 1:2 BODY.PEEK[]\r\n")
    assert read_to(client, b"a")[-1].startswith(b"a OK [READ-WRITE]")
    octets = b"".join(read_to(client, b"b"))
    assert octets.count(HELLO) == 2
    client.send(b"c IDLE\r\n")
    assert client.readline() == b"+ idling\r\n"
    house.deliver("alice", HELLO)
    assert client.readline() == b"* 3 EXISTS\r\n"
    client.send(b"DONE\r\n")
    assert read_to(client, b"c")[-1] == b"c OK Idle ended\r\n"
    client.send(b"d APPEND INBOX {%d}\r\n" % len(HELLO))
    assert client.readline() == b"+ OK\r\n"
    client.send(HELLO + b"\r\n")
    assert read_to(client, b"d")[-1].startswith(b"d OK [APPENDUID")
    client.send(b"e COMPRESS DEFLATE\r\n")
    assert client.readline().startswith(b"e NO [COMPRESSIONACTIVE] ")
    client.send(b"f LOGOUT\r\n")
    assert read_to(client, b"f")[-1] == b"f OK Logged out\r\n"
    assert client.readline() == b""


def test_wrong_forms(house):
    line = greeted(house)
    line.send(b"a COMPRESS DEFLATE\r\n")
    assert line.readline() == b"a BAD Log in first\r\n"
    line = logged_in(house)
    line.send(b"a COMPRESS GZIP\r\n")
    assert line.readline() == b"a BAD Expected DEFLATE\r\n"
    line.send(b"b COMPRESS\r\n")
    assert line.readline() == b"b BAD Expected a space\r\n"


def test_octets_behind_it_in_the_clear_end_the_connection(house):
    line = logged_in(house)
    line.send(b"a COMPRESS DEFLATE\r\nb NOOP\r\n")
    assert line.readline() == b"* BYE Octets behind COMPRESS\r\n"


def test_what_is_not_compressed_ends_the_connection(house):
    client = compressed(house)
    client.line.send(b"\xff\xff\xff\xff no deflate at all")
    assert client.readline() == b"* BYE The compressed stream is broken\r\n"
    assert client.readline() == b""


def test_small_octets_that_expand_to_a_huge_line(house):
    client = compressed(house)
    client.send(b"a SEARCH TEXT " + b"x" * 3_000_000 + b"\r\n")
    assert client.readline() == b"* BYE The line is too long\r\n"


def test_logging_in_again_ends_the_compression(house):
    client = compressed(house)
    client.send(b"a UNAUTHENTICATE\r\n", zlib.Z_FINISH)
    client.line.send(b"b LOGIN alice secret\r\n")
    assert client.readline() == b"a OK Log in again\r\n"
    assert client.inflate.decompress(client.line._file.read(1)) == b""
    while not client.inflate.eof:
        client.inflate.decompress(client.line._file.read(1))
    assert client.line.readline().startswith(b"b OK ")
    client.line.send(b"c COMPRESS DEFLATE\r\n")
    assert client.line.readline() == b"c OK Compression begins now\r\n"


class Pieces:
    """A stream that gives pieces."""

    def __init__(self, *pieces: bytes) -> None:
        self.pieces = list(pieces)
        self.written = b""

    async def read(self, seconds: float) -> bytes:
        return self.pieces.pop(0)

    def write(self, data: bytes) -> None:
        self.written += data


def packed(data: bytes) -> bytes:
    deflate = zlib.compressobj(9, zlib.DEFLATED, -15)
    return deflate.compress(data) + deflate.flush(zlib.Z_SYNC_FLUSH)


def unpacked(loop_thread, *pieces: bytes) -> bytes:
    stream = Deflated(Pieces(*pieces, b""))

    async def read() -> bytes:
        taken = b""
        while piece := await stream.read(1):
            assert len(piece) <= READ_AHEAD
            taken += piece
        return taken

    return loop_thread.run(read())


def test_cut_anywhere(loop_thread):
    data = b"a NOOP\r\nb SELECT INBOX\r\n" * 3
    octets = packed(data)
    assert unpacked(loop_thread, *(octets[n : n + 1] for n in range(len(octets)))) == data
    for cut in range(1, len(octets)):
        assert unpacked(loop_thread, octets[:cut], octets[cut:]) == data


@pytest.mark.parametrize("size", [READ_AHEAD - 1, READ_AHEAD, READ_AHEAD + 1, READ_AHEAD * 3 + 7])
def test_nothing_stays_inside(loop_thread, size):
    data = b"x" * size
    assert unpacked(loop_thread, packed(data)) == data


def test_nothing_comes_behind_the_end(loop_thread):
    deflate = zlib.compressobj(9, zlib.DEFLATED, -15)
    octets = deflate.compress(b"x") + deflate.flush(zlib.Z_FINISH)
    with pytest.raises(NotCompressed):
        unpacked(loop_thread, octets, b"more")
