# SPDX-License-Identifier: MIT
"""DATA and BDAT octets: the same result however they are cut."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from homemail.mta.smtp.content import ChunkChecker, DataDecoder, Flaw

STREAMS = {
    "empty": (b".\r\n", b"", None),
    "one line": (b"hello\r\n.\r\n", b"hello\r\n", None),
    "stuffed": (b"..\r\n...x\r\n.y\r\n.\r\n", b".\r\n..x\r\ny\r\n", None),
    "empty lines": (b"\r\n\r\n\r\n.\r\n", b"\r\n\r\n\r\n", None),
    "a dot inside": (b"a.\r\nb.c\r\n.\r\n", b"a.\r\nb.c\r\n", None),
    "bare LF": (b"a\nb\r\n.\r\n", b"a\nb\r\n", Flaw.BARE_LF),
    "bare CR": (b"a\rb\r\n.\r\n", b"a\rb\r\n", Flaw.BARE_CR),
    "CR CR LF": (b"a\r\r\n.\r\n", b"a\r\r\n", Flaw.BARE_CR),
    "NUL": (b"a\0b\r\n.\r\n", b"a\0b\r\n", Flaw.NUL),
    "LF dot LF": (b"a\n.\nb\r\n.\r\n", b"a\n.\nb\r\n", Flaw.BARE_LF),
    "LF dot CRLF": (b"a\n.\r\nb\r\n.\r\n", b"a\n.\r\nb\r\n", Flaw.BARE_LF),
    "CRLF dot LF": (b"a\r\n.\nb\r\n.\r\n", b"a\r\n\nb\r\n", Flaw.BARE_LF),
    "CRLF dot CR": (b"a\r\n.\rb\r\n.\r\n", b"a\r\n\rb\r\n", Flaw.BARE_CR),
    "CRLF dot CR CRLF": (b"a\r\n.\r\r\nb\r\n.\r\n", b"a\r\n\r\r\nb\r\n", Flaw.BARE_CR),
}


def decode(pieces: list[bytes]) -> tuple[bytes, Flaw | None, bytes]:
    decoder = DataDecoder()
    taken, behind = b"", b""
    for piece in pieces:
        if decoder.finished:
            behind += piece
        else:
            taken += decoder.feed(piece)
    assert decoder.finished
    return taken, decoder.flaw, decoder.rest + behind


@pytest.mark.parametrize("name", STREAMS)
def test_every_cut_gives_the_same(name):
    stream, message, flaw = STREAMS[name]
    stream += b"QUIT\r\n"
    expected = (message, flaw, b"QUIT\r\n")
    assert decode([stream]) == expected
    assert decode([bytes([octet]) for octet in stream]) == expected
    for at in range(len(stream) + 1):
        assert decode([stream[:at], stream[at:]]) == expected


def test_nothing_but_crlf_dot_crlf_ends_it():
    decoder = DataDecoder()
    for end in (
        b"\n.\n",
        b"\r.\r",
        b"\r\n.\r",
        b"\n.\r\n",
        b"\r\n.\n",
        b"\r\n .\r\n",
        b"\r\n\0.\r\n",
    ):
        decoder.feed(b"x" + end + b"x")
        assert not decoder.finished


@settings(deadline=None, max_examples=200)
@given(st.lists(st.text("a.\r\n\0", max_size=6)), st.integers(1, 7))
def test_any_stream_in_any_pieces(words, size):
    stream = "".join(words).encode() + b"\r\n.\r\n"
    pieces = [stream[at : at + size] for at in range(0, len(stream), size)]
    assert decode(pieces) == decode([stream])


@settings(deadline=None, max_examples=200)
@given(st.lists(st.text("a.b", max_size=5)), st.integers(1, 9))
def test_stuffed_lines_come_out_as_they_were(lines, size):
    message = "".join(f"{line}\r\n" for line in lines).encode()
    stuffed = "".join(f".{line}\r\n" if line[:1] == "." else f"{line}\r\n" for line in lines)
    stream = stuffed.encode() + b".\r\n"
    pieces = [stream[at : at + size] for at in range(0, len(stream), size)]
    assert decode(pieces) == (message, None, b"")


def check(pieces: list[bytes]) -> tuple[bytes, Flaw | None]:
    checker = ChunkChecker()
    taken = b"".join(checker.feed(piece) for piece in pieces) + checker.finish()
    return taken, checker.flaw


@pytest.mark.parametrize(
    ("stream", "message", "flaw"),
    [
        (b"", b"", None),
        (b"a\r\n.\r\n..b\r\n", b"a\r\n.\r\n..b\r\n", None),
        (b"no end", b"no end\r\n", None),
        (b"a\nb\r\n", b"a\nb\r\n", Flaw.BARE_LF),
        (b"a\rb\r\n", b"a\rb\r\n", Flaw.BARE_CR),
        (b"a\r", b"a\r\r\n", Flaw.BARE_CR),
        (b"a\0\r\n", b"a\0\r\n", Flaw.NUL),
    ],
)
def test_chunks_may_be_cut_anywhere(stream, message, flaw):
    assert check([stream]) == (message, flaw)
    assert check([bytes([octet]) for octet in stream]) == (message, flaw)
    for at in range(len(stream) + 1):
        assert check([stream[:at], stream[at:]]) == (message, flaw)
