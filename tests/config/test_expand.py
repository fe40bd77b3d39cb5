# SPDX-License-Identifier: MIT
"""``$name`` in texts."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from homemail.config.expand import expand

VALUES = {"name": "value", "empty": "", "dollar": "5 $"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ""),
        ("plain", "plain"),
        ("$name", "value"),
        ("a $name.b", "a value.b"),
        ("${name}x", "valuex"),
        ("$(name)x", "valuex"),
        ("$$name $$", "$name $"),
        ("$dollar$name", "5 $value"),
        ("${name?yes}${empty?no}", "yes"),
        ("${name:no}${empty:yes}", "yes"),
        ("${name?{a}}", "a"),
        ("${empty:{a}}", "a"),
        ("${name?{a}:{b}} ${empty?{a}:{b}}", "a b"),
        ("${empty?{a}:b $name}", "b value"),
        ("${name?<$name>}", "<value>"),
        ("${empty?$nothing}", ""),
        ("${name?{}:{b}}", ""),
        ("${name?{${empty?{x}:{y}}}:{z}}", "y"),
    ],
)
def test_filled_in(text, expected):
    assert expand(text, VALUES.get) == expected


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("$", "no name follows"),
        ("5 $ more", "no name follows"),
        ("${name", "not closed"),
        ("$(name}", "not closed"),
        ("${}", "no name in"),
        ("${?x}", "no name in"),
        ("${name!x}", 'expected "\\?" or ":"'),
        ("${name?{a}x}", "cannot read"),
        ("${name?{a", "not closed"),
        ("$nothing", "unknown name"),
        ("${nothing?x}", "unknown name"),
    ],
)
def test_refused(text, complaint):
    with pytest.raises(ValueError, match=complaint):
        expand(text, VALUES.get)


@pytest.mark.parametrize(
    "text",
    [
        "$later $name",
        "${later?{$name}:{$$}}",
        "${later:text $name}",
        "a $$ $dollar",
        "${name?$later}",
    ],
)
def test_filled_in_partly_and_later_is_the_same_as_at_once(text):
    everything = {**VALUES, "later": "late"}
    partly = expand(text, VALUES.get, partly=True)
    assert expand(partly, everything.get) == expand(text, everything.get)


@settings(deadline=None, max_examples=200)
@given(st.text(alphabet="$name(){}?:x5", max_size=30))
def test_any_text_is_filled_in_or_refused(text):
    try:
        expand(text, VALUES.get)
    except ValueError:
        return
