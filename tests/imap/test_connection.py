# SPDX-License-Identifier: MIT
"""The core of a connection: the same commands however the octets come, and no literal runs."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from homemail.errors import PeerError, StorageFull
from homemail.imap.connection import (
    BEFORE_LOGIN,
    Bad,
    Connection,
    Continue,
    Event,
    Fatal,
    Limits,
    Line,
    RawCommand,
    TooMuch,
    after_login,
)
from homemail.imap.spool import FileSpool, SpooledContent
from homemail.model.message import MemoryContent, read_all

SESSION = after_login(200_000, frozenset({b"APPEND"}))


def drive(pieces: Iterable[bytes], limits: Limits = SESSION) -> list[tuple]:
    """Feed ``pieces`` as a shell does; IDLE asks for a line. Return what came, comparable."""
    connection = Connection(limits, FileSpool)
    seen: list[tuple] = []
    for piece in pieces:
        events = connection.receive(piece)
        while events:
            last = events[-1]
            seen += [shown(event) for event in events]
            if isinstance(last, Fatal):
                return seen
            if isinstance(last, Continue):
                break
            idle = isinstance(last, RawCommand) and last.name == b"IDLE"
            events = connection.expect_line() if idle else connection.resume()
    return seen


def shown(event: Event) -> tuple:
    match event:
        case RawCommand(tag, name, _, lines, literals):
            return (tag, name, lines, [(read_all(x.content), x.binary) for x in literals])
        case TooMuch(tag, error):
            return (tag, error.text)
        case _:
            return (event,)


STREAM = (
    b"a NOOP\r\n"
    b"b LOGIN {5}\r\nalice {6+}\r\nsecret\r\n"
    b"c IDLE\r\nDONE\r\n"
    b"\r\n"
    b"d append INBOX (\\Seen) {20+}\r\nx LOGOUT\r\ny LOGOUT\r\n\r\n"
    b"e uid fetch 1:* (FLAGS)\n"
    b"not;a{command\r\n"
    b"f APPEND INBOX {300000}\r\n"
    b"g APPEND INBOX ~{3+}\r\nabc\r\n"
    b"h NOOP\r\n"
)


def test_the_stream_is_cut_into_commands():
    seen = drive([STREAM])
    assert [one[:2] for one in seen] == [
        (b"a", b"NOOP"),
        (Continue(),),
        (b"b", b"LOGIN"),
        (b"c", b"IDLE"),
        (Line(b"DONE"),),
        (b"d", b"APPEND"),
        (b"e", b"UID FETCH"),
        (Bad(None, "Not a command"),),
        (b"f", "The message is too big"),
        (b"g", b"APPEND"),
        (b"h", b"NOOP"),
    ]
    assert seen[2][3] == [(b"alice", False), (b"secret", False)]
    assert seen[5][3] == [(b"x LOGOUT\r\ny LOGOUT\r\n"[:20], False)]
    assert seen[9][3] == [(b"abc", True)]


def test_octet_by_octet_is_the_same():
    assert drive(STREAM[n : n + 1] for n in range(len(STREAM))) == drive([STREAM])


def test_cut_anywhere_is_the_same():
    whole = drive([STREAM])
    for at in range(len(STREAM) + 1):
        assert drive([STREAM[:at], STREAM[at:]]) == whole, at


@settings(deadline=None, max_examples=200)
@given(
    st.lists(
        st.sampled_from(
            [
                b"a",
                b" ",
                b"{3+}\r\n",
                b"{3}\r\n",
                b"\r\n",
                b'"',
                b"\x00",
                b"(",
                b"NOOP",
                b"APPEND",
                b"{99999999999999999999+}\r\n",
                b"\n",
            ]
        )
    )
)
def test_any_octets_in_any_pieces(pieces):
    assert drive(pieces) == drive([b"".join(pieces)])


def test_one_command_at_a_time():
    connection = Connection(SESSION, FileSpool)
    first = connection.receive(b"a NOOP\r\nb NOOP\r\n")
    assert [event.tag for event in first] == [b"a"]
    assert connection.receive(b"c NOOP\r\n") == []
    assert [event.tag for event in connection.resume()] == [b"b"]
    assert [event.tag for event in connection.resume()] == [b"c"]
    assert connection.resume() == []


def test_small_literals_stay_in_memory_and_large_ones_go_to_a_file():
    connection = Connection(SESSION, FileSpool)
    for size, kind in ((65536, MemoryContent), (65537, SpooledContent), (200_000, SpooledContent)):
        octets = bytes(range(1, 251)) * 801
        (event,) = connection.receive(b"a APPEND x {%d+}\r\n%b\r\n" % (size, octets[:size]))
        content = event.literals[0].content
        assert type(content) is kind
        assert read_all(content) == octets[:size]
        assert connection.resume() == []


def test_many_messages_in_one_command_need_one_file():
    sizes = [4000] * 300 + [70_000, 1]
    messages = [bytes([65 + n % 26]) * size for n, size in enumerate(sizes)]
    stream = b"a APPEND x" + b"".join(b" {%d+}\r\n%b" % (len(m), m) for m in messages) + b"\r\n"
    files = []

    def spool() -> FileSpool:
        files.append(FileSpool())
        return files[-1]

    connection = Connection(after_login(400_000, frozenset({b"APPEND"})), spool)
    (event,) = connection.receive(stream)
    assert [read_all(one.content) for one in event.literals] == messages
    assert len(files) == 1
    assert sum(isinstance(one.content, MemoryContent) for one in event.literals) == 263


def test_messages_together_have_a_limit():
    message = b" {150000+}\r\n" + b"x" * 150_000
    assert drive([b"a APPEND x" + message * 6 + b"\r\nb NOOP\r\n"]) == [
        (b"a", "The messages together are too big"),
        (b"b", b"NOOP", (b"b NOOP",), []),
    ]
    assert drive([b"a APPEND x" + b" {1+}\r\ny" * 10_001 + b"\r\n"]) == [
        (b"a", "Too many literals")
    ]


def test_an_unwanted_literal_is_passed_over():
    stream = b"a APPEND x {200001+}\r\n%b\r\nb NOOP\r\n" % (b"z LOGOUT\r\n" * 20001)[:200001]
    assert drive([stream]) == [
        (b"a", "The message is too big"),
        (b"b", b"NOOP", (b"b NOOP",), []),
    ]


def test_a_literal_behind_what_is_no_command_is_passed_over():
    assert drive([b"({8+}\r\nx LOGOUT\r\nb NOOP\r\n"])[-1][:2] == (b"b", b"NOOP")


def test_before_login_everything_is_small():
    assert drive([b"a LOGIN {9000}\r\n"], BEFORE_LOGIN) == [(b"a", "The literal is too big")]
    assert drive([b"a LOGIN {9000+}\r\n"], BEFORE_LOGIN) == [(Fatal("The literal is too big"),)]
    assert drive([b"a " + b"x" * 9000 + b"\r\n"], BEFORE_LOGIN) == [
        (Fatal("The line is too long"),)
    ]
    many = b"a LOGIN " + b"{3000+}\r\n" + b"x" * 3000 + b" {3000+}\r\n" + b"x" * 3000
    assert drive([many + b" {3000+}\r\n"], BEFORE_LOGIN) == [(Fatal("The literal is too big"),)]


def test_lines_together_have_a_limit():
    line = b"x" * 60_000
    stream = b"a SEARCH " + b"".join(line + b" {1+}\r\ny" for _ in range(30))
    assert drive([stream])[0] == (Fatal("The command is too long"),)


def test_memory_is_not_used_for_what_is_too_long():
    connection = Connection(SESSION, FileSpool)
    for _ in range(100):
        assert connection.receive(b"x" * 100_000) == []
        assert len(connection) <= 400_000
    assert connection.receive(b"\r\n") == [Fatal("The line is too long")]


def test_a_line_that_is_too_long_where_one_was_asked_for():
    connection = Connection(BEFORE_LOGIN, FileSpool)
    connection.receive(b"a AUTHENTICATE PLAIN\r\n")
    assert connection.expect_line() == []
    assert connection.receive(b"x" * 9000 + b"\r\n") == [Line(None)]


class FullDisk:
    def write(self, data: bytes) -> None:
        raise StorageFull("No room")

    def content(self) -> MemoryContent:
        raise AssertionError("nothing was written")


def no_spool() -> FullDisk:
    raise StorageFull("No room")


@pytest.mark.parametrize("spool", [FullDisk, no_spool])
def test_a_full_disk_is_an_answer(spool):
    connection = Connection(SESSION, spool)
    stream = b"a APPEND x {70000+}\r\n%b\r\nb NOOP\r\n" % (b"x" * 70000)
    (first,) = connection.receive(stream)
    assert isinstance(first, TooMuch)
    assert isinstance(first.error, StorageFull)
    assert [event.tag for event in connection.resume()] == [b"b"]


def test_a_full_disk_refuses_a_literal_that_waits():
    connection = Connection(SESSION, no_spool)
    (first,) = connection.receive(b"a APPEND x {70000}\r\n")
    assert isinstance(first, TooMuch)
    assert [event.tag for event in connection.resume() + connection.receive(b"b NOOP\r\n")] == [
        b"b"
    ]


def test_octets_behind_starttls_are_somebody_else():
    connection = Connection(BEFORE_LOGIN, FileSpool)
    connection.receive(b"a STARTTLS\r\nb LOGIN x y\r\n")
    with pytest.raises(PeerError):
        connection.start_tls()


def test_starttls_begins_anew():
    connection = Connection(BEFORE_LOGIN, FileSpool)
    connection.receive(b"a STARTTLS\r\n")
    connection.start_tls()
    assert [event.tag for event in connection.receive(b"b NOOP\r\n")] == [b"b"]


def test_the_end_drops_what_is_not_whole():
    connection = Connection(SESSION, FileSpool)
    connection.receive(b"a APPEND x {100000+}\r\nsome")
    assert connection.receive_eof() == []
    assert len(connection) == 0


def test_the_rest_goes_to_the_next_core():
    login = Connection(BEFORE_LOGIN, FileSpool)
    login.receive(b"a LOGIN x y\r\nb NOOP\r\nc NO")
    session = Connection(SESSION, FileSpool, login.take_rest())
    assert [event.tag for event in session.resume()] == [b"b"]
    session.resume()
    assert [event.name for event in session.receive(b"OP\r\n")] == [b"NOOP"]
