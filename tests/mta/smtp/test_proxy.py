# SPDX-License-Identifier: MIT
"""PROXY headers and XCLIENT arguments: whole, cut anywhere, and nonsense."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from homemail.model.reply import Reply
from homemail.model.session import Peer
from homemail.mta.smtp.proxy import V1_LIMIT, V2_LIMIT, parse_proxy
from homemail.mta.smtp.xclient import Xclient, parse_xclient

SIGNATURE = b"\r\n\r\n\x00\r\nQUIT\n"
V6 = bytes.fromhex("20010db8000000000000000000000007")
HEADERS = {
    b"PROXY TCP4 192.0.2.7 192.0.2.1 4000 25\r\n": Peer("192.0.2.7", 4000),
    b"PROXY TCP6 2001:db8::7 2001:db8::1 4000 25\r\n": Peer("2001:db8::7", 4000),
    b"PROXY UNKNOWN\r\n": None,
    b"PROXY UNKNOWN what ever\r\n": None,
    SIGNATURE + b"\x21\x11" + struct.pack("!H", 12) + bytes([192, 0, 2, 7, 192, 0, 2, 1])
    + struct.pack("!HH", 4000, 25): Peer("192.0.2.7", 4000),
    SIGNATURE + b"\x21\x21" + struct.pack("!H", 40) + V6 + V6
    + struct.pack("!HH", 4000, 25) + b"\x04\x00\x01x": Peer("2001:db8::7", 4000),
    SIGNATURE + b"\x21\x31" + struct.pack("!H", 3) + b"abc": None,
    SIGNATURE + b"\x20\x00" + struct.pack("!H", 0): None,
}  # fmt: skip


@pytest.mark.parametrize("header", HEADERS)
def test_header(header):
    for cut in range(len(header)):
        assert parse_proxy(header[:cut]) is None
    whole = parse_proxy(header + b"EHLO x\r\n")
    assert (whole.peer, whole.size) == (HEADERS[header], len(header))


@pytest.mark.parametrize(
    "header",
    [
        b"EHLO x\r\n",
        b"PROXY TCP4 192.0.2.7 192.0.2.1 4000\r\n",
        b"PROXY TCP4 2001:db8::7 192.0.2.1 4000 25\r\n",
        b"PROXY TCP4 192.0.2.7 192.0.2.1 70000 25\r\n",
        b"PROXY TCP4 " + b"1" * V1_LIMIT,
        SIGNATURE + b"\x11\x11\x00\x0c",
        SIGNATURE + b"\x22\x11\x00\x0c",
        SIGNATURE + b"\x21\x11" + struct.pack("!H", V2_LIMIT),
    ],
)
def test_no_header(header):
    with pytest.raises(ValueError, match=r".+"):
        parse_proxy(header)


@settings(deadline=None, max_examples=200)
@given(st.binary(max_size=60), st.sampled_from([b"", b"PROXY ", b"PROXY TCP4 ", SIGNATURE]))
def test_any_octets(octets, start):
    try:
        header = parse_proxy(start + octets)
    except ValueError:
        return
    assert header is None or header.size <= len(start + octets)


def test_xclient():
    assert parse_xclient("ADDR=192.0.2.7 PORT=25 name=a.example") == Xclient(
        name="a.example", address="192.0.2.7", port=25
    )
    assert parse_xclient("ADDR=IPV6:2001:db8::7") == Xclient(address="2001:db8::7")
    assert parse_xclient("NAME=[UNAVAILABLE] PROTO=SMTP") == Xclient(name="", extended=False)
    assert parse_xclient("LOGIN=a+2Bb") == Xclient(login="a+b")


@settings(deadline=None, max_examples=200)
@given(st.text(max_size=60))
def test_any_text(text):
    said = parse_xclient(text)
    assert isinstance(said, Xclient) or (isinstance(said, Reply) and said.code == 501)
