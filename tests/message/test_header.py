# SPDX-License-Identifier: MIT
"""Fields of a header, ENVELOPE."""

from __future__ import annotations

import email
import email.policy

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from homemail.message.envelope import envelope
from homemail.message.header import (
    HEADER_LIMIT,
    field_bodies,
    fields,
    read_fields,
    select_fields,
    split_message,
)
from tests.message import imap_grammar

HEADER = (
    b"Received: one\r\n\tfolded\r\nTO : a@x.org\r\nno colon here\r\n and its fold\r\n"
    b"received: two\r\nSubject:\r\n\r\n"
)


def test_fields_in_order() -> None:
    found = [(f.name, HEADER[f.start : f.end]) for f in fields(HEADER)]
    assert found == [
        (b"received", b"Received: one\r\n\tfolded\r\n"),
        (b"to", b"TO : a@x.org\r\n"),
        (b"received", b"received: two\r\n"),
        (b"subject", b"Subject:\r\n"),
    ]


def test_bodies_are_unfolded() -> None:
    assert field_bodies(HEADER, b"received") == [b"one\tfolded", b"two"]
    assert read_fields(HEADER)[b"subject"] == [b""]


def test_fields_end_at_the_empty_line() -> None:
    message = HEADER + b"X: not a field\r\n"
    assert split_message(message) == len(HEADER)
    assert list(fields(message)) == list(fields(HEADER))
    assert read_fields(message) == read_fields(HEADER)
    indented = HEADER + b" indented\r\nX: not a field\r\n"
    assert read_fields(indented) == read_fields(HEADER)
    assert list(fields(indented.replace(b"\r", b""))) == list(fields(HEADER.replace(b"\r", b"")))


@pytest.mark.parametrize(
    ("message", "body"),
    [
        (b"", 0),
        (b"\n", 1),
        (b"\r\nbody", 2),
        (b"A: b", 4),
        (b"A: b\r\n", 6),
        (b"A: b\n\nx", 6),
        (b"A: b\r\n\nx", 7),
        (b"A: b\r\n \r\nC: d\r\n\r\n", 17),
    ],
)
def test_split_message(message: bytes, body: int) -> None:
    assert split_message(message) == body


def test_select_fields() -> None:
    one_and_two = b"Received: one\r\n\tfolded\r\nreceived: two\r\n\r\n"
    assert select_fields(HEADER, [b"RECEIVED"]) == one_and_two
    rest = b"TO : a@x.org\r\nSubject:\r\n\r\n"
    assert select_fields(HEADER, [b"received"], negate=True) == rest
    assert select_fields(HEADER, [b"absent"]) == b"\r\n"
    assert select_fields(HEADER.replace(b"\r\n", b"\n"), [b"to"]) == b"TO : a@x.org\n\n"
    assert select_fields(b"To: a", [b"to"]) == b"To: a"


def test_what_is_past_the_limit_is_not_read() -> None:
    header = b"A: b\r\n" + b"X: y\r\n" * (HEADER_LIMIT // 6) + b"Z: z\r\n\r\n"
    assert b"z" not in read_fields(header)
    assert split_message(header) == len(header)


def test_envelope() -> None:
    header = b"""Date: Sat, 21 Nov 2026 15:59:00 +0000
Subject: a "quoted" \\ subject
From: "Bob \\"B\\"" <bob@x.org>
Sender:
To: a@x.org
To: b@x.org
Cc: list:;
In-Reply-To: <1@x>
 <2@x>
Message-ID: <3@x>

"""
    bob = b'(("Bob \\"B\\"" NIL "bob" "x.org"))'
    assert envelope(header) == (
        b'("Sat, 21 Nov 2026 15:59:00 +0000" "a \\"quoted\\" \\\\ subject" '
        + b" ".join([bob, bob, bob])
        + b' ((NIL NIL "a" "x.org")(NIL NIL "b" "x.org"))'
        + b' ((NIL NIL "list" NIL)(NIL NIL NIL NIL)) NIL "<1@x> <2@x>" "<3@x>")'
    )


def test_envelope_of_nothing() -> None:
    assert envelope(b"") == b"(NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL)"
    assert envelope(b"Subject:\r\n\r\n").startswith(b'(NIL "" NIL')


def test_what_cannot_be_quoted_becomes_a_literal() -> None:
    assert b"{6}\r\nGr\xc3\xbc\xc3\x9f " in envelope("Subject: Grüß\r\n\r\n".encode()) + b" "
    assert b"{3}\r\na\x80b" in envelope(b"Subject: a\0b\r\n\r\n")
    assert b"{3}\r\na\rb" in envelope(b"Subject: a\rb\r\n\r\n")
    assert b"{2000}\r\n" in envelope(b"Subject: %b\r\n\r\n" % (b"x" * 2000))


def test_every_cut_is_valid() -> None:
    header = 'From: "A" <@r,@s:a@x.org> (c), g: b@y, "q\\"" <c@[1]>;\r\nSubject: ü\r\n\r\n'.encode()
    for end in range(len(header)):
        imap_grammar.check_envelope(imap_grammar.read(envelope(header[:end])))


NAMES = st.sampled_from(["From", "To", "Subject", "Date", "Reply-To", "CC", "Message-Id"])


@settings(deadline=None, max_examples=200)
@given(st.lists(st.tuples(NAMES, st.binary(max_size=40)), max_size=8))
def test_envelope_is_always_valid(pairs: list[tuple[str, bytes]]) -> None:
    header = b"".join(b"%b: %b\r\n" % (name.encode(), body) for name, body in pairs)
    imap_grammar.check_envelope(imap_grammar.read(envelope(header)))


TEXT = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=12)


@settings(deadline=None, max_examples=100)
@given(st.lists(st.tuples(NAMES, st.lists(TEXT, min_size=1, max_size=4)), max_size=8))
def test_same_fields_as_the_standard_library(pairs: list[tuple[str, list[str]]]) -> None:
    folded = [(name, "\n ".join(words)) for name, words in pairs]
    header = "".join(f"{name}: {body}\n" for name, body in folded).encode() + b"\n"
    oracle = email.message_from_bytes(header, policy=email.policy.compat32)
    ours = [(f.name.decode(), header[f.body : f.end]) for f in fields(header)]
    theirs = [(name.lower(), f" {body}\n".encode()) for name, body in oracle.raw_items()]
    assert ours == theirs


PIECES = st.sampled_from(
    [b"To: a", b"to:b", b"X-To: c", b"Subject :d", b" folded", b"\tTo: e", b"junk", b"\n", b"\r\n"]
)


@settings(deadline=None, max_examples=300)
@given(st.lists(PIECES, max_size=12), st.sets(st.sampled_from([b"TO", b"subject", b"x.to"])))
def test_both_ways_to_select_agree(pieces: list[bytes], names: set[bytes]) -> None:
    header = b"".join(pieces)
    many = [*names, *(b"no-%d" % number for number in range(40))]
    assert select_fields(header, names) == select_fields(header, many)
