# SPDX-License-Identifier: MIT
"""What submission mends."""

from __future__ import annotations

import os
import tempfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from homemail.errors import MessageTooBig
from homemail.model.address import Address, Domain
from homemail.model.envelope import TraceId
from homemail.model.message import FileContent, MemoryContent, read_all
from homemail.mta.submission import mend, qualify
from tests.mta.smtp_server import NOW

DATE = b"Date: Sat, 21 Nov 2026 16:36:27 +0000\r\n"
MESSAGE_ID = b"Message-ID: <TRACE1@mail.home.test>\r\n"
FROM = b"From: <alice@home.test>\r\n"


def mended(content: bytes | FileContent) -> bytes:
    return read_all(
        mend(
            MemoryContent(content) if isinstance(content, bytes) else content,
            reverse_path=Address.parse("alice@home.test"),
            origin=Domain.parse("home.test"),
            hostname="mail.home.test",
            trace=TraceId("TRACE1"),
            at=NOW,
        )
    )


def test_complete_message_stays():
    message = b"From: a@b.test\r\nDATE: x\r\nmessage-id: <x@y>\r\n\r\nbcc: in the body\r\n"
    assert mended(message) == message


def test_what_lacks_is_added():
    assert mended(b"Subject: x\r\n\r\nbody\r\n") == (
        DATE + MESSAGE_ID + FROM + b"Subject: x\r\n\r\nbody\r\n"
    )


def test_bcc_is_taken_out():
    message = (
        b"From: a@b.test\r\nBcc: x@y.test,\r\n z@y.test\r\nDate: x\r\nbcc: u@y.test\r\n"
        b"Message-ID: <x@y>\r\nResent-Bcc: v@y.test\r\n\r\nBcc: stays\r\n"
    )
    expected = b"From: a@b.test\r\nDate: x\r\nMessage-ID: <x@y>\r\n\r\nBcc: stays\r\n"
    assert mended(message) == expected


@pytest.mark.parametrize("body", [b"no header here\r\n", b"\r\nan empty header\r\n", b""])
def test_message_without_a_header(body):
    added = DATE + MESSAGE_ID + FROM
    between = b"" if body.startswith(b"\r\n") else b"\r\n"
    assert mended(body) == added + between + body


def test_large_message_in_a_file():
    body = b"x" * 99 + b"\r\n"
    with tempfile.TemporaryFile() as file:
        file.write(b"To: bob\r\n\r\n" + body * 10_000)
        file.flush()
        content = FileContent(os.dup(file.fileno()), file.tell())
    got = mended(content)
    assert got == DATE + MESSAGE_ID + FROM + b"To: bob@home.test\r\n\r\n" + body * 10_000


def test_endless_header():
    with pytest.raises(MessageTooBig):
        mended(b"X: y\r\n" * 200_000)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b" alice\r\n", b" alice@home.test\r\n"),
        (b" alice, bob@x.test, carol\r\n", b" alice@home.test, bob@x.test, carol@home.test\r\n"),
        (b" Alice B <alice>\r\n", b" Alice B <alice@home.test>\r\n"),
        (b' "a, b" <alice>\r\n', b' "a, b" <alice@home.test>\r\n'),
        (b" alice (the one)\r\n", b" alice@home.test (the one)\r\n"),
        (b" alice@x.test (alice)\r\n", b" alice@x.test (alice)\r\n"),
        (b" a@b.test,\r\n bob\r\n", b" a@b.test,\r\n bob@home.test\r\n"),
        (b" undisclosed-recipients:;\r\n", b" undisclosed-recipients:;\r\n"),
        (b" <>\r\n", b" <>\r\n"),
        (b" two words\r\n", b" two words\r\n"),
        (b"\r\n", b"\r\n"),
    ],
)
def test_qualify(body, expected):
    assert qualify(body, Domain.parse("home.test")) == expected


@settings(deadline=None, max_examples=200)
@given(st.text('a @<>(),:;"\\\r\n.', max_size=40))
def test_qualify_only_adds_domains(text):
    body = text.encode()
    assert qualify(body, Domain.parse("home.test")).replace(b"@home.test", b"") == body
