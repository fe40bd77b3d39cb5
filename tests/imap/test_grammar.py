# SPDX-License-Identifier: MIT
"""The words of the grammar, right and wrong."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from homemail.imap.connection import Connection, RawCommand, after_login
from homemail.imap.extension import Vocabulary
from homemail.imap.extensions import EXTENSIONS
from homemail.imap.grammar import BadName, Scanner, SyntaxTrouble
from homemail.imap.response import Refusal, date_time, number_set
from homemail.imap.spool import FileSpool
from homemail.imap.vocabulary import COMMANDS
from homemail.model.mailbox import Flag, MailboxName

WORDS = Vocabulary((*COMMANDS, *EXTENSIONS))


def scan(text: bytes) -> Scanner:
    """Return the arguments of ``a X <text>``."""
    connection = Connection(after_login(1000, frozenset()), FileSpool)
    command = connection.receive(b"a X " + text + b"\r\n")[-1]
    assert isinstance(command, RawCommand)
    scanner = Scanner(command, WORDS)
    scanner.space()
    return scanner


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (b"atom", b"atom"),
        (b'"quoted \\" and \\\\"', b'quoted " and \\'),
        (b'""', b""),
        (b"{3+}\r\na\r\n", b"a\r\n"),
        (b"{0+}\r\n", b""),
        (b"with]bracket", b"with]bracket"),
        (b'"caf\xc3\xa9"', b"caf\xc3\xa9"),
    ],
)
def test_astring(text, value):
    scanner = scan(text)
    assert scanner.astring() == value
    scanner.end()


@pytest.mark.parametrize(
    "text", [b"", b"(", b'"open', b'"bad \\escape"', b"%", b"caf\xc3\xa9", b"\\x", b"{3}x"]
)
def test_what_is_no_astring(text):
    with pytest.raises(SyntaxTrouble):
        scanner = scan(text)
        scanner.astring()
        scanner.end()


@pytest.mark.parametrize(
    ("text", "ranges"),
    [
        (b"1", ((1, 1),)),
        (b"1:*", ((1, None),)),
        (b"*:4,7", ((None, 4), (7, 7))),
        (b"4294967295", ((4294967295, 4294967295),)),
        (b"$", ()),
    ],
)
def test_sequence_sets(text, ranges):
    assert scan(text).sequence_set().ranges == ranges


@pytest.mark.parametrize("text", [b"0", b"a", b"1:2:3", b"4294967296", b",1", b"1:", b"-1"])
def test_what_is_no_sequence_set(text):
    with pytest.raises(SyntaxTrouble):
        scanner = scan(text)
        scanner.sequence_set()
        scanner.end()


def test_flags_have_one_spelling():
    assert str(next(iter(scan(b"(\\sEEN)").flags()))) == "\\Seen"
    assert scan(b"(\\Seen $Junk)").flags() == {Flag("\\Seen"), Flag("$junk")}
    assert scan(b"()").flags() == frozenset()


@pytest.mark.parametrize("text", [b"(", b"(\\Seen", b'("x")', b"(a  b)", b"(a b", b"(\\*)", b"a"])
def test_what_are_no_flags(text):
    with pytest.raises(SyntaxTrouble):
        scan(text).flags()


def test_dates():
    assert scan(b"1-Feb-1994").date() == date(1994, 2, 1)
    assert scan(b'"01-fEB-1994"').date() == date(1994, 2, 1)
    when = scan(b'" 7-Feb-1994 21:52:25 -0800"').date_time()
    assert when == datetime(1994, 2, 8, 5, 52, 25, tzinfo=UTC)
    assert date_time(when) == b'" 7-Feb-1994 21:52:25 -0800"'
    assert scan(b'"07-Feb-1994 21:52:60 +0530"').date_time().utcoffset() == timedelta(minutes=330)


@pytest.mark.parametrize(
    "text",
    [b"31-Feb-1994", b"1-Foo-1994", b"1-Feb-94", b"0-Feb-1994", b'"1-Feb-1994', b"1-Feb-0000"],
)
def test_what_is_no_date(text):
    with pytest.raises(SyntaxTrouble):
        scan(text).date()


@pytest.mark.parametrize(
    "text",
    [
        b'"31-Feb-1994 00:00:00 +0000"',
        b'"01-Feb-1994 24:00:00 +0000"',
        b'"01-Feb-1994 00:00:00 +9900"',
        b'"01-Feb-1994 00:00:00"',
        b'"1-Feb-1994 00:00:00 +0000"',
    ],
)
def test_what_is_no_date_and_time(text):
    with pytest.raises(SyntaxTrouble):
        scan(text).date_time()


def test_mailboxes_are_in_modified_utf7():
    assert scan(b"caf&AOk-/x").mailbox() == MailboxName(("café", "x"))
    assert scan(b'"R&-D"').mailbox() == MailboxName(("R&D",))
    assert scan(b"iNbOx").mailbox().is_inbox
    assert scan(b"a/").mailbox() == MailboxName(("a",))


@pytest.mark.parametrize("text", [b'"caf\xc3\xa9"', b'"\xff"', b"&", b"..", b"a//b", b'"\x01"'])
def test_what_is_no_mailbox(text):
    with pytest.raises(BadName):
        scan(text).mailbox()


def test_nesting_ends_at_a_hundred():
    def nested(scanner: Scanner) -> list:
        return scanner.parenthesized(
            lambda: nested(scanner) if scanner.peek(b"(") else [scanner.atom()]
        )

    nested(scan(b"(" * 100 + b"x" + b")" * 100))
    with pytest.raises(SyntaxTrouble):
        nested(scan(b"(" * 101 + b"x" + b")" * 101))


@given(st.lists(st.integers(1, 60), unique=True))
def test_number_sets_say_the_same_numbers(numbers):
    numbers.sort()
    written = number_set(numbers)
    if not numbers:
        assert written == b""
        return
    spans = scan(written).sequence_set().spans(0)
    assert [n for low, high in spans for n in range(low, high + 1)] == numbers


@settings(deadline=None, max_examples=200)
@given(
    st.sampled_from(sorted(WORDS.grammar)),
    st.lists(
        st.sampled_from(
            b" |(|)|1:*|FLAGS|\\Seen|BODY[|]|<0.1>|NIL|{2+}\r\nxx|OR|NOT|ALL|inbox|*|RETURN|%|1|-|"
            b'"x"|HEADER.FIELDS|+FLAGS|CHANGEDSINCE|\xff|(CONDSTORE)|DONE'.split(b"|")
        )
    ),
)
def test_no_arguments_make_a_parser_fail(name, pieces):
    """Every parser answers with a command or one of the three refusals, whatever it reads."""
    connection = Connection(after_login(1000, WORDS.message_commands), FileSpool)
    line = b"a " + name + b"".join(pieces) + b"\r\n"
    for event in connection.receive(line):
        if isinstance(event, RawCommand) and event.name in WORDS.grammar:
            try:
                command = WORDS.grammar[event.name](Scanner(event, WORDS))
            except (SyntaxTrouble, Refusal):
                continue
            assert type(command) in WORDS.handlers


def test_each_command_has_a_handler_and_each_word_one_meaning():
    parts = (*COMMANDS, *EXTENSIONS)
    capabilities = b" ".join(part.capability for part in parts).split()
    assert len(capabilities) == len(set(capabilities))
    for slot in ("handlers", "fetch_items", "search_keys", "status_items"):
        keys = [key for part in parts for key in getattr(part, slot)]
        assert len(keys) == len(set(keys)), slot
