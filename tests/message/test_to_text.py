# SPDX-License-Identifier: MIT
"""Binary parts become base64."""

from __future__ import annotations

import email
import email.policy

from hypothesis import given, settings
from hypothesis import strategies as st

from homemail.message.mime import scan
from homemail.message.to_text import to_text

PLAIN = b"Subject: x\r\nContent-Transfer-Encoding: 8bit\r\n\r\ntext\r\n"


def convert(message: bytes) -> bytes:
    return b"".join(to_text(message))


def test_what_is_text_stays():
    for message in (PLAIN, b"", b"\r\n", b"no header"):
        assert convert(message) == message


def test_a_message_that_is_one_binary_part():
    body = bytes(range(256)) * 3
    made = convert(b"Subject: x\r\nContent-Transfer-Encoding: BINARY\r\n\r\n" + body)
    assert made.startswith(b"Subject: x\r\nContent-Transfer-Encoding: base64\r\n\r\nAAEC")
    assert email.message_from_bytes(made).get_payload(decode=True) == body
    assert max(map(len, made.split(b"\r\n"))) == 76


def test_parts_within_parts():
    inner = b"Content-Transfer-Encoding: binary\r\nContent-Type: image/png\r\n\r\n\x00\n\r\xff"
    message = (
        b'Content-Type: multipart/mixed; boundary="b"\r\nContent-Transfer-Encoding: binary\r\n\r\n'
        b"--b\r\n\r\nfirst\r\n--b\r\n" + inner + b"\r\n"
        b"--b\r\nContent-Type: message/rfc822\r\n\r\n" + inner + b"\r\n--b--\r\n"
    )
    made = convert(message)
    assert b"\x00" not in made
    assert b'boundary="b"\r\nContent-Transfer-Encoding: 8bit\r\n\r\n' in made
    top = scan(made)
    assert [child.encoding for child in top.children] == [b"7bit", b"base64", b"7bit"]
    assert top.children[2].children[0].encoding == b"base64"
    parsed = email.message_from_bytes(made, policy=email.policy.default)
    assert [
        p.get_payload(decode=True) for p in parsed.walk() if p.get_content_type() == "image/png"
    ] == [b"\x00\n\r\xff"] * 2


@settings(deadline=None, max_examples=50)
@given(st.binary(max_size=400))
def test_any_octets_come_back(body):
    made = convert(b"Content-Transfer-Encoding: binary\r\n\r\n" + body)
    assert email.message_from_bytes(made).get_payload(decode=True) == body
    assert made.count(b"\n") == made.count(b"\r\n") == made.count(b"\r")
