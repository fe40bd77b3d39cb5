# SPDX-License-Identifier: MIT
from __future__ import annotations

import pytest

from homemail.auth.prepare import prepare, prepare_password


@pytest.mark.parametrize(
    ("text", "prepared"),
    [
        # RFC 4013 §3
        ("I\u00adX", "IX"),
        ("user", "user"),
        ("USER", "USER"),
        ("\u00aa", "a"),
        ("\u2168", "IX"),
        # and some more
        ("a\u00a0b", "a b"),
        ("\u0627\u0628", "\u0627\u0628"),
        ("", ""),
        ("\U0001f511", "\U0001f511"),
    ],
)
def test_prepare(text, prepared):
    assert prepare(text) == prepared
    assert prepare(prepared) == prepared


@pytest.mark.parametrize(
    "text", ["\u0007", "\u0627\u0031", "\u0627a\u0627", "a\x7f", "\ue000", "\u200e"]
)
def test_prohibited(text):
    with pytest.raises(ValueError, match=r"."):
        prepare(text)


def test_passwords_that_cannot_be_prepared_are_left_alone():
    assert prepare_password(b"\xff") == b"\xff"
    assert prepare_password(b"a\x07") == b"a\x07"
    assert prepare_password("\u2168".encode()) == b"IX"
