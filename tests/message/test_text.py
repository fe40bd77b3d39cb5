# SPDX-License-Identifier: MIT
"""Encoded words, parameters, transfer encodings, charsets, subjects and dates."""

from __future__ import annotations

import base64
import quopri
from datetime import UTC, datetime, timedelta, timezone
from email.header import Header
from email.utils import format_datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from homemail.message.charset import decode_charset
from homemail.message.dates import format_date, parse_date
from homemail.message.decode import decode_transfer, decoded_text
from homemail.message.header import unfold
from homemail.message.mime import scan
from homemail.message.parameters import decoded_parameter, parse_value
from homemail.message.subject import base_subject, split_subject
from homemail.message.text import body_text, header_text, message_text, text_parts
from homemail.message.words import decode_words
from tests.message import samples


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"plain", "plain"),
        (b"=?ISO-8859-1?Q?a?=", "a"),
        (b"=?ISO-8859-1?Q?a?= b", "a b"),
        (b"=?ISO-8859-1?Q?a?= =?ISO-8859-1?Q?b?=", "ab"),
        (b"=?ISO-8859-1?Q?a?=  \t =?UTF-8?Q?b?= c", "ab c"),
        (b"=?ISO-8859-1?Q?a_b?=", "a b"),
        (b"x =?utf-8?B?w7w=?= y =?utf-8?b?w7w?=", "x ü y ü"),
        (b"=?utf-8?q?=C3?= =?utf-8?q?=BC?=", "ü"),
        (b"=?us-ascii*en?Q?Keith?=", "Keith"),
        (b"=?utf-8?q?two words?=", "two words"),
        (b"=?no-such?q?=FC?=", "ü"),
        (b"=?utf-8?x?abc?=", "=?utf-8?x?abc?="),
        (b"=?utf-8?b?a?= tail", "=?utf-8?b?a?= tail"),
        (b"=?utf-8?q?open", "=?utf-8?q?open"),
        ("raw ü".encode(), "raw ü"),
        (b"raw \xfc", "raw ü"),
    ],
)
def test_encoded_words(body: bytes, expected: str) -> None:
    assert decode_words(body) == expected


@settings(deadline=None, max_examples=100)
@given(st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), max_size=60))
def test_words_of_the_standard_library(text: str) -> None:
    assert decode_words(unfold(Header(text, "utf-8").encode().encode())) == text


@settings(deadline=None, max_examples=200)
@given(
    st.lists(st.sampled_from([b"=?", b"?=", b"utf-8", b"?q?", b"?b?", b" ", b"\xff"]), max_size=12)
)
def test_words_never_raise(pieces: list[bytes]) -> None:
    decode_words(b"".join(pieces))


@pytest.mark.parametrize(
    ("body", "value", "parameters"),
    [
        (b"text/plain", b"text/plain", ()),
        (b"Text/PLAIN; Charset = utf-8 ;", b"text/plain", ((b"charset", b"utf-8"),)),
        (b'a/b; x="1;2\\""; y=z', b"a/b", ((b"x", b'1;2"'), (b"y", b"z"))),
        (b"a/b (note; x=1); y=2 (more)", b"a/b", ((b"y", b"2"),)),
        (b"a/b; x=1; x=2", b"a/b", ((b"x", b"1"),)),
        (b"a/b; n*1=b; n*0=a", b"a/b", ((b"n", b"ab"),)),
        (b"a/b; n*0*=utf-8''%c3; n*1=%; n*2*=%bc", b"a/b", ((b"n*", b"utf-8''%c3%25%bc"),)),
        (b'a/b; x="open', b"a/b", ((b"x", b"open"),)),
        (b"a/b;;; =; x", b"a/b", ()),
    ],
)
def test_parameters(body: bytes, value: bytes, parameters: object) -> None:
    assert parse_value(body) == (value, parameters)


def test_decoded_parameter() -> None:
    _, found = parse_value(b"attachment; filename=e.txt; filename*=UTF-8'en'%e2%82%ac.txt; x=\xfc")
    assert decoded_parameter(found, b"filename") == "€.txt"
    assert decoded_parameter(found, b"x") == "ü"
    assert decoded_parameter(found, b"absent") is None


@settings(deadline=None, max_examples=200)
@given(st.lists(st.sampled_from([b";", b"=", b'"', b"a*0*", b"a*", b"''", b"%zz", b"(", b"\\"])))
def test_parameters_never_raise(pieces: list[bytes]) -> None:
    _, found = parse_value(b"".join(pieces))
    decoded_parameter(found, b"a")


@settings(deadline=None, max_examples=100)
@given(st.binary(max_size=200))
def test_transfer_encodings_of_the_standard_library(octets: bytes) -> None:
    assert decode_transfer(base64.encodebytes(octets), b"BASE64") == octets
    text = octets.replace(b"\r", b"").replace(b"\n", b"")
    assert decode_transfer(quopri.encodestring(text), b"quoted-printable") == text
    assert decode_transfer(octets, b"8bit") == octets


@pytest.mark.parametrize(
    ("body", "encoding", "expected"),
    [
        (b"YWI", b"base64", b"ab"),
        (b"YWJj!!\r\nZ", b"base64", b"abc"),
        (b"YQ==YQ==", b"base64", b"a"),
        (b"a=3Db \r\nc=\r\nd=ZZ", b"quoted-printable", b"a=b\r\ncd=ZZ"),
        (b"x", b"x-uuencode", None),
    ],
)
def test_lenient_decoding(body: bytes, encoding: bytes, expected: bytes | None) -> None:
    assert decode_transfer(body, encoding) == expected


@pytest.mark.parametrize(
    ("octets", "charset", "expected"),
    [
        (b"\xfc", b"iso-8859-1", "ü"),
        (b"\x93x\x94", b"ISO-8859-1", "“x”"),
        (b"\xfc", b"utf-8", "\ufffd"),
        (b"\xfc", b"", "ü"),
        (b"x", b"base64", "x"),
        (b"x" * 50, b"punycode", "x" * 50),
        (b"x", b"utf-16\0", "x"),
        (b"x", b"\xff", "x"),
        (b"\x1b$B$\"\x1b(B", b"iso-2022-jp", "あ"),
    ],
)  # fmt: skip
def test_charsets(octets: bytes, charset: bytes, expected: str) -> None:
    assert decode_charset(octets, charset) == expected


def test_searchable_text() -> None:
    root = scan(samples.NESTED)
    assert header_text(b"Subject: =?utf-8?q?=C3=BC?=\r\n x\r\n\r\n") == "subject: ü x\n"
    text = body_text(samples.NESTED, root)
    assert "Grüße" in text
    assert "subject: inner" in text
    assert "<b>hi</b>" in text
    assert "from: a@x.org" not in text
    assert "from: a@x.org" in message_text(samples.NESTED, root)
    assert len(list(text_parts(root))) == 3
    wrong = b"Content-Type: text/plain\n\nGr\xc3\xbc\xc3\x9f"
    assert decoded_text(wrong, scan(wrong)) == "Grüß"


@pytest.mark.parametrize(
    ("subject", "base", "marked"),
    [
        (b"hello", "hello", False),
        (b"Re: hello", "hello", True),
        (b"RE: fwd[x] : [list] Re : hello (fwd) (Fwd) ", "hello", True),
        (b"[list] Re: hello", "hello", True),
        (b"[only]", "[only]", False),
        (b"[Fwd: Re: hello]", "hello", True),
        (b"=?utf-8?q?Re=3A_=C3=BC?=", "ü", True),
        (b"Re:", "", True),
        (b"regards", "regards", False),
    ],
)
def test_base_subject(subject: bytes, base: str, marked: bool) -> None:
    assert base_subject(subject) == base
    assert split_subject(subject)[1] is marked


EAST = timezone(timedelta(hours=2))


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"Sat, 21 Nov 2026 15:59:01 +0200", datetime(2026, 11, 21, 15, 59, 1, tzinfo=EAST)),
        (b"21 Nov 26 15:59 GMT (Greenwich)", datetime(2026, 11, 21, 15, 59, tzinfo=UTC)),
        (b"Sat, 21 Nov 98 15:59:60 EDT", datetime(1998, 11, 21, 19, 59, 59, tzinfo=UTC)),
        (b"Sat Nov 21 15:59:01 2026", datetime(2026, 11, 21, 15, 59, 1, tzinfo=UTC)),
        (b"1-November-2026", datetime(2026, 11, 1, tzinfo=UTC)),
        (b"Sun, 1 Nov 2026 3:04:05 PM -0000", datetime(2026, 11, 1, 15, 4, 5, tzinfo=UTC)),
        (b"31 Feb 2026 00:00:00 +0000", None),
        (b"1 Foo 2026 00:00:00 +0000", None),
        (b"1 Nov 2026 25:00:00 +0000", None),
        (b"1 Nov 2026 00:00:00 +9999", None),
        (b"yesterday", None),
        (b"", None),
    ],
)
def test_dates(body: bytes, expected: datetime | None) -> None:
    assert parse_date(body) == expected


@settings(deadline=None, max_examples=100)
@given(st.datetimes(datetime(1970, 1, 1), datetime(2100, 1, 1)), st.integers(-1400, 1400))
def test_dates_of_the_standard_library(moment: datetime, minutes: int) -> None:
    moment = moment.replace(microsecond=0, tzinfo=timezone(timedelta(minutes=minutes // 2)))
    text = format_date(moment)
    assert parse_date(text.encode()) == moment
    assert parse_date(format_datetime(moment).encode()) == moment


@settings(deadline=None, max_examples=200)
@given(st.binary(max_size=60))
def test_dates_never_raise(body: bytes) -> None:
    parse_date(body)
    parse_date(b"1 Nov " + body)
