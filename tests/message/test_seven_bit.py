# SPDX-License-Identifier: MIT
from __future__ import annotations

import email
import email.policy

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from homemail.message.to_text import to_seven_bit

MIXED = (
    "Subject: x\r\nMIME-Version: 1.0\r\nContent-Transfer-Encoding: 8bit\r\n"
    "Content-Type: multipart/mixed; boundary=b\r\n\r\npreamble\r\n"
    "--b\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nGrüße  \r\n" + "ü" * 100 + "\r\n"
    "--b\r\nContent-Type: application/x; name=y\r\nContent-Transfer-Encoding: binary\r\n\r\n"
    "döt\r\n"
    "--b\r\nContent-Type: text/plain\r\nContent-Transfer-Encoding: 8bit\r\n\r\nplain\r\n"
    "--b\r\nContent-Type: message/rfc822\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
    "Subject: inner\r\nContent-Type: text/plain; charset=utf-8\r\n"
    "Content-Transfer-Encoding: 8bit\r\n\r\ninnen: ä\r\n"
    "--b--\r\n"
).encode()


def converted(octets: bytes) -> bytes:
    return b"".join(to_seven_bit(octets))


def test_each_part_by_its_kind() -> None:
    out = converted(MIXED)
    assert out.isascii()
    assert max(map(len, out.split(b"\r\n"))) <= 76
    message = email.message_from_bytes(out, policy=email.policy.default)
    text, binary, plain, inner = message.iter_parts()
    assert text.get_content().splitlines() == ["Grüße  ", "ü" * 100]
    assert text["Content-Transfer-Encoding"] == "quoted-printable"
    assert binary.get_content() == "döt".encode()
    assert binary["Content-Transfer-Encoding"] == "base64"
    assert plain["Content-Transfer-Encoding"] == "8bit"
    assert inner.get_payload(0).get_content().strip() == "innen: ä"
    assert message["Content-Transfer-Encoding"] == "7bit"


@pytest.mark.parametrize(
    "octets",
    [b"", b"Subject: x\r\n", b"Subject: x\r\n\r\nplain\r\n", b"\r\nno header\r\n"],
)
def test_what_has_seven_bits_stays(octets: bytes) -> None:
    assert converted(octets) == octets


def test_what_is_encoded_already_stays() -> None:
    octets = b"Content-Transfer-Encoding: base64\r\n\r\n\xff\xfe\r\n"
    assert converted(octets) == octets


@settings(deadline=None, max_examples=200)
@given(st.binary(max_size=300))
def test_any_body_comes_back(body: bytes) -> None:
    header = b"Content-Type: text/plain; charset=latin-1\r\n\r\n"
    out = converted(header + body)
    if body.isascii():
        assert out == header + body
        return
    assert out.isascii()
    message = email.message_from_bytes(out, policy=email.policy.SMTP)
    assert message.get_payload(decode=True) == body
