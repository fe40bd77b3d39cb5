# SPDX-License-Identifier: MIT
"""Sections by RFC 9051 §6.4.5.1."""

from __future__ import annotations

import pytest

from homemail.message.mime import scan
from homemail.message.section import Section, SectionText, section_octets
from tests.message import samples

ALL, HEADER, TEXT, MIME = (
    SectionText.ALL,
    SectionText.HEADER,
    SectionText.TEXT,
    SectionText.MIME,
)


def octets_of(text: bytes, *numbers: int, of: SectionText = ALL) -> bytes | None:
    found = section_octets(text, scan(text), Section(numbers, of))
    return found if found is None or isinstance(found, bytes) else text[found.start : found.end]


@pytest.mark.parametrize(
    ("numbers", "of", "expected"),
    [
        ((), HEADER, b"From: a@x.org\nSubject: hi\n\n"),
        ((), TEXT, b"body\n"),
        ((), ALL, samples.PLAIN),
        ((1,), ALL, b"body\n"),
        ((1,), MIME, b"From: a@x.org\nSubject: hi\n\n"),
        ((1, 1), ALL, None),
        ((2,), ALL, None),
        ((1,), TEXT, None),
        ((), MIME, None),
    ],
)
def test_message_without_parts(
    numbers: tuple[int, ...], of: SectionText, expected: bytes | None
) -> None:
    assert octets_of(samples.PLAIN, *numbers, of=of) == expected


@pytest.mark.parametrize(
    ("numbers", "of", "start", "end"),
    [
        ((1,), ALL, "Grü".encode(), "ße".encode()),
        ((1,), MIME, b"Content-Type: text/plain; charset=utf-8\n", b"\n\n"),
        ((2,), ALL, b"From: b@x.org", b"--in ner--\nepilogue"),
        ((2,), HEADER, b"From: b@x.org", b'boundary="in ner "\n\n'),
        ((2,), TEXT, b"--in ner\n", b"--in ner--\nepilogue"),
        ((2,), MIME, b"Content-Type: message/rfc822", b"one\n\n"),
        ((2, 1), ALL, b"one\n", b"two"),
        ((2, 2), ALL, b"PGI+", b"L2I+"),
        ((2, 2), MIME, b"Content-Type: text/html", b"<html@x.org>\n\n"),
        ((3,), ALL, b"abc", b"abc"),
    ],
)
def test_nested(numbers: tuple[int, ...], of: SectionText, start: bytes, end: bytes) -> None:
    found = octets_of(samples.NESTED, *numbers, of=of)
    assert found is not None
    assert found.startswith(start)
    assert found.endswith(end)


@pytest.mark.parametrize(
    ("numbers", "of"),
    [((4,), ALL), ((2, 3), ALL), ((2, 1, 1), ALL), ((1,), HEADER), ((3,), TEXT), ((0,), ALL)],
)
def test_absent(numbers: tuple[int, ...], of: SectionText) -> None:
    assert octets_of(samples.NESTED, *numbers, of=of) is None


def test_message_that_is_a_message() -> None:
    text = b"Content-Type: message/rfc822\n\nSubject: in\n\ninner\n"
    assert octets_of(text, 1) == b"Subject: in\n\ninner\n"
    assert octets_of(text, 1, of=HEADER) == b"Subject: in\n\n"
    assert octets_of(text, 1, 1) == b"inner\n"
    assert octets_of(text, 1, 1, 1) is None


def test_header_fields() -> None:
    root = scan(samples.NESTED)
    subject = Section((2,), SectionText.FIELDS, (b"SUBJECT",))
    assert section_octets(samples.NESTED, root, subject) == b"Subject: inner\n\n"
    others = Section((2,), SectionText.FIELDS_NOT, (b"content-type", b"from"))
    assert section_octets(samples.NESTED, root, others) == b"Subject: inner\n\n"
