# SPDX-License-Identifier: MIT
"""Kinds of settings: what they take, and that what they show is taken again."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from homemail.config.declare import (
    Choice,
    FilePath,
    Networks,
    Number,
    Size,
    Switch,
    Text,
    TextList,
    Time,
    toml_string,
    toml_value,
)
from homemail.config.settings import Known, known_settings


@pytest.mark.parametrize(
    ("kind", "written", "value"),
    [
        (Text(), "a", "a"),
        (TextList(), ["a", "b"], ("a", "b")),
        (Switch(), True, True),
        (Number(1, 9), 9, 9),
        (Choice(("a", "b")), "b", "b"),
        (Time(), "5m", 300.0),
        (Time(), " 1h 30m ", 5400.0),
        (Time(), "1w", 604800.0),
        (Time(), 0.5, 0.5),
        (Time(), 0, 0.0),
        (Size(), "50 MB", 50_000_000),
        (Size(), "64kib", 65536),
        (Size(), "12", 12),
        (Size(), 12, 12),
        (FilePath(), "/a", Path("/a")),
        (FilePath(optional=True), "", None),
    ],
)
def test_taken(kind, written, value):
    assert kind.parse(written) == value
    shown = tomllib.loads(f"x = {kind.show(value)}")["x"]
    assert kind.parse(shown) == value


@pytest.mark.parametrize(
    ("kind", "written"),
    [
        (Text(), 1),
        (TextList(), "a"),
        (TextList(), ["a", 1]),
        (Switch(), 1),
        (Switch(), "true"),
        (Number(1, 9), 0),
        (Number(1, 9), 10),
        (Number(), True),
        (Number(), 1.0),
        (Choice(("a",)), "A"),
        (Time(), -1),
        (Time(), "5"),
        (Time(), "5 minutes"),
        (Time(), True),
        (Time(), float("nan")),
        (Time(), float("inf")),
        (Time(), 10**400),
        (Time(), "9999999999999999999w"),
        (Size(), -1),
        (Size(), "big"),
        (Size(), "1.5 MB"),
        (Size(), "1 XB"),
        (Size(), False),
        (FilePath(), ""),
        (FilePath(), "a\0b"),
        (FilePath(optional=True), 1),
        (Networks(), "127.0.0.1"),
        (Networks(), ["127.0.0.1/33"]),
        (Networks(), ["10.0.0.1/8"]),
    ],
)
def test_refused(kind, written):
    with pytest.raises(ValueError) as caught:
        kind.parse(written)
    assert kind.expected in str(caught.value)


def test_networks_are_shown_as_they_are_taken():
    networks = Networks().parse(["127.0.0.0/8", "[2001:db8::]/32", "192.0.2.1"])
    assert Networks().parse(tomllib.loads(f"x = {Networks().show(networks)}")["x"]) == networks


@settings(deadline=None, max_examples=100)
@given(st.text(st.characters(codec="utf-8")))
def test_texts_survive_being_written(text):
    assert tomllib.loads(f"x = {toml_string(text)}")["x"] == text


@settings(deadline=None, max_examples=100)
@given(st.integers(0, 10**15))
def test_sizes_and_times_survive_being_written(number):
    assert Size().parse(tomllib.loads(f"x = {Size().show(number)}")["x"]) == number
    seconds = float(number % 10**9)
    assert Time().parse(tomllib.loads(f"x = {Time().show(seconds)}")["x"]) == seconds


def test_long_values_are_cut_in_messages():
    assert len(toml_value(["a" * 50] * 50)) == 80


@pytest.mark.parametrize("known", known_settings().values(), ids=lambda known: known.name)
def test_every_default_is_one_that_could_be_written(known: Known):
    kind = known.declared.kind
    written = tomllib.loads(f"x = {kind.show(known.default)}")["x"]
    assert kind.parse(written) == known.default
