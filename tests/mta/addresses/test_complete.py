# SPDX-License-Identifier: MIT
"""Addresses without a domain, or without all of it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from homemail.model.address import Domain
from homemail.mta.addresses.complete import Defaults, complete

HOME = Domain.parse("home.test")
DEFAULTS = Defaults(HOME, HOME, dot_mydomain="home.test")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("alice", "alice@home.test"),
        ("alice@host", "alice@host.home.test"),
        ("alice@away.example", "alice@away.example"),
        ("alice@[127.0.0.1]", "alice@[127.0.0.1]"),
        ("site!user", "user@site.home.test"),
        ("away.example!user", "user@away.example"),
        ("a!b!user", '"b!user"@a.home.test'),
        ("user%away.example", "user@away.example"),
        ("user%b%a.example", "user%b@a.example"),
        ("user%b@a.example", "user%b@a.example"),
        ('"a!b"', '"a!b"@home.test'),
        ("@x.example,@y.example:u@z.example", "u@z.example"),
        ("Postmaster", "Postmaster@home.test"),
    ],
)
def test_complete(text, expected):
    assert str(complete(text, DEFAULTS)).replace('"', "") == expected.replace('"', "")


def test_switched_off():
    off = Defaults(HOME, HOME, at_myorigin=False, swap_bangpath=False, percent_hack=False)
    assert str(complete("a@host", off)) == "a@host"
    assert str(complete("postmaster", off)) == "postmaster@home.test"
    for text in ("alice", "a!b", "a%b"):
        with pytest.raises(ValueError, match="needs a domain"):
            complete(text, off)
    on = replace(off, at_myorigin=True)
    assert str(complete("a!b", on)) == "a!b@home.test"
    assert str(complete("a%b", on)) == "a%b@home.test"


@pytest.mark.slow
@settings(deadline=None, max_examples=300)
@given(st.text('ab!%@".\\<>[]: -é', max_size=30))
def test_ends_with_an_address_or_a_reason(text):
    try:
        address = complete(text, DEFAULTS)
    except ValueError:
        return
    assert address.local_part
    assert complete(str(address), DEFAULTS) == address
