# SPDX-License-Identifier: MIT
"""The first words of messages of all kinds."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from homemail.message.mime import scan
from homemail.message.preview import LONGEST, preview


def words(message: bytes) -> str:
    return preview(message, scan(message))


PLAIN = b"Content-Type: text/plain; charset=utf-8\r\n\r\n"
HTML = b"Content-Type: text/html; charset=utf-8\r\n\r\n"


@pytest.mark.parametrize(
    ("message", "wanted"),
    [
        (b"", ""),
        (PLAIN, ""),
        (b"A: b\r\n\r\nSoup\r\n  at\tnoon?\r\n", "Soup at noon?"),
        (PLAIN + "Grüße\r\n".encode(), "Grüße"),
        (PLAIN + b"On Friday Bob wrote:\r\n> Soup?\r\n\r\nYes!\r\n-- \r\nAlice\r\n", "Yes!"),
        (PLAIN + b"> only\r\n> quoted\r\n", "> only > quoted"),
        (HTML + b"<style>p {x}</style><p>Tea &amp; <b>soup</b><!-- no --></p>", "Tea & soup"),
        (HTML + b"<script>if (a < b) {", ""),
        (HTML + b"a<b", "a"),
        (
            b"Content-Transfer-Encoding: quoted-printable\r\n"
            + PLAIN
            + b"Gr=C3=BC=\r\n=C3=9Fe\r\n",
            "Grüße",
        ),
        (b"Content-Transfer-Encoding: base64\r\n" + PLAIN + b"SGFsbG8gV2VsdA==\r\n", "Hallo Welt"),
        (b"Content-Transfer-Encoding: x-uu\r\n" + PLAIN + b"as it is", "as it is"),
        (b"Content-Type: image/png\r\n\r\nPNG", ""),
    ],
)
def test_previews(message: bytes, wanted: str) -> None:
    assert words(message) == wanted


def test_plain_text_is_preferred_and_attachments_are_not_text() -> None:
    head = b'Content-Type: multipart/mixed; boundary="b"\r\n\r\n--b\r\n'
    attached = b"Content-Disposition: attachment\r\n" + PLAIN + b"a log\r\n--b\r\n"
    assert words(head + attached + HTML + b"<p>page</p>\r\n--b--\r\n") == "page"
    both = head + attached + HTML + b"<p>page</p>\r\n--b\r\n" + PLAIN + b"text\r\n--b--\r\n"
    assert words(both) == "text"


def test_it_is_short_and_takes_no_time() -> None:
    assert len(words(PLAIN + b"word " * 1_000_000)) <= LONGEST
    assert words(HTML + b"<" * 1_000_000) == "<" * LONGEST
    assert words(HTML + b"<!--" * 200_000) == ""


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=300))
def test_anything(body: bytes) -> None:
    assert len(words(HTML + body)) <= LONGEST
    text = words(PLAIN + body)
    assert len(text) <= LONGEST
    assert "\n" not in text and "\0" not in text
