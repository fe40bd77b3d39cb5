# SPDX-License-Identifier: MIT
"""Clients that mean harm, or are broken: exact answers, no faults of ours, no others disturbed."""

from __future__ import annotations

import re
import resource

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from homemail.imap.extensions import EXTENSIONS
from homemail.imap.vocabulary import COMMANDS
from tests.imap.conftest import HELLO, MULTIPART
from tests.imap.test_server import greeted, logged_in, read_to

NAMES = sorted({name for part in (*COMMANDS, *EXTENSIONS) for name in part.grammar})
PIECES = [
    *(word for part in (*COMMANDS, *EXTENSIONS) for word in part.fetch_items),
    *(word for part in (*COMMANDS, *EXTENSIONS) for word in part.search_keys),
    *(word for part in (*COMMANDS, *EXTENSIONS) for word in part.status_items),
    *(word for part in EXTENSIONS for word in part.result_options),
    *b"1 * 1:* $ 2:1 4294967295 1:2,* 0 18446744073709551615 9223372036854775807".split(),
    *b"INBOX inbox Drafts/x &- &AOQ- % * # .. / ../../etc/passwd \\Seen \\Recent $Junk".split(),
    *b"NOT OR ALL FROM SUBJECT HEADER BODY TEXT SINCE KEYWORD UID LARGER CHARSET UTF-8".split(),
    *b"RETURN (SAVE) (MIN MAX) (CONDSTORE) (QRESYNC (1 1)) (CHANGEDSINCE 1 VANISHED)".split(),
    *b"FLAGS +FLAGS -FLAGS.SILENT (UNCHANGEDSINCE 1) BODY[1.2.MIME] BODY[HEADER.FIELDS".split(),
    *b"(SUBJECT REVERSE DATE) REFERENCES <0.1> <9999999999.1> 1-Jan-2020 31-Feb-2020".split(),
    *b'"" "a\\"b" "\\\\" " 1-Jan-2020 00:00:00 +0000" "01-Jan-0001 00:00:00 +9959"'.split(),
    b"{0+}\r\n",
    b"{3+}\r\nabc",
    b"~{3+}\r\na\x00c",
    b"UTF8 (~{6+}\r\nA: b\r\n)",
    b"(",
    b")",
    b"((",
    b"\xff",
    b"\x00",
    b"\xc3\xa4",
]
command = st.builds(
    lambda name, pieces, gaps: name + b"".join(g + p for g, p in zip(gaps, pieces, strict=False)),
    st.sampled_from(NAMES),
    st.lists(st.sampled_from(PIECES), max_size=8),
    st.lists(st.sampled_from([b" ", b" ", b" ", b" ", b"", b"  "]), min_size=8, max_size=8),
)
junk = st.binary(max_size=60).map(lambda octets: octets.replace(b"{", b"["))


@pytest.fixture
def peaceful(house):
    """A session that must hear nothing of all this."""
    house.deliver("bob", HELLO)
    line = logged_in(house, b'bob "pa \\"ss\\\\word"')
    line.send(b"a SELECT INBOX\r\n")
    read_to(line, b"a")
    yield line
    line.send(b"b NOOP\r\n")
    assert line.readline() == b"b OK Nothing done\r\n"


def said(house, octets: bytes) -> bytes:
    """Return all that is answered to octets in a session with a mailbox."""
    line = logged_in(house)
    line.send(b"s SELECT INBOX\r\n")
    read_to(line, b"s")
    line.send(octets + b"\r\nend LOGOUT\r\n")
    line._socket.shutdown(1)
    answers = []
    while got := line.readline():
        answers.append(got)
    line.close()
    return b"".join(answers)


@pytest.mark.slow
@settings(
    max_examples=300,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(st.lists(st.one_of(command, command, junk), min_size=1, max_size=12))
@example([b"FETCH 1 BODY[HEADER.FIELDS", b"UID FETCH 1:* (PREVIEW (LAZY)"])
@example([b"ENABLE IMAP4rev2 QRESYNC", b"SELECT INBOX (QRESYNC (1 1 1:2 (1 1)))", b"SEARCH $"])
@example([b'APPEND INBOX "01-Jan-0001 00:00:00 +9959" {3+}\r\nabc', b"SORT (DATE) UTF-8 ALL"])
@example([b'APPEND INBOX "31-Dec-9999 23:59:59 -2359" {3+}\r\nabc', b"FETCH 1:* FAST"])
@example([b"SEARCH OLDER 4294967295 YOUNGER 1", b"SEARCH LARGER 18446744073709551615"])
def test_any_commands(house, peaceful, commands):
    house.deliver("alice", HELLO, MULTIPART)
    octets = b"\r\n".join(b"t%d %b" % (number, text) for number, text in enumerate(commands))
    answers = said(house, octets)
    assert b"SERVERBUG" not in answers
    assert b"Traceback" not in answers and b"Internal trouble" not in answers


@pytest.mark.slow
@settings(
    max_examples=100,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(st.lists(st.one_of(command, junk), min_size=1, max_size=6))
def test_any_commands_before_login(house, commands):
    line = greeted(house)
    line.send(b"".join(b"t%d %b\r\n" % (n, text) for n, text in enumerate(commands)))
    line._socket.shutdown(1)
    answers = b""
    while got := line.readline():
        answers += got
    line.close()
    assert b"SERVERBUG" not in answers and b"Internal trouble" not in answers
    assert b"FETCH" not in answers and b"EXISTS" not in answers


def test_every_command_before_login_is_refused(house):
    allowed = {b"CAPABILITY", b"NOOP", b"LOGOUT", b"ID", b"STARTTLS", b"LOGIN", b"AUTHENTICATE"}
    for start in range(0, len(NAMES), 8):
        line = greeted(house)
        for name in NAMES[start : start + 8]:
            if name not in allowed:
                line.send(b"a %b 1 2\r\n" % name)
                assert line.readline() == b"a BAD Log in first\r\n"
        line.close()


def test_ten_megabytes_without_a_line_end(house, peaceful):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    line = logged_in(house)
    for _ in range(160):
        line.send(b"x" * 65536)
    line.send(b"\r\n")
    assert line.readline() == b"* BYE The line is too long\r\n"
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 30_000  # KB


def test_a_million_parentheses(house, peaceful):
    answers = said(house, b"a SEARCH " + b"(" * 100_000)
    assert answers.startswith(b"a BAD Too many parentheses\r\n")
    line = logged_in(house)
    line.send(b"a SEARCH " + b"(" * 1_000_000 + b"\r\n")
    assert line.readline() == b"* BYE The line is too long\r\n"


@pytest.mark.parametrize("nested", [b"NOT ", b"OR ALL ", b"OR ("])
def test_deep_searches(house, nested):
    answers = said(house, b"a SEARCH " + nested * 20_000 + b"ALL")
    assert re.match(rb"a BAD [A-Z].*\r\n", answers)


def test_a_set_of_170_kilobytes(house):
    """Some real clients send such sets."""
    house.deliver("alice", HELLO, HELLO)
    numbers = b",".join(b"%d" % number for number in range(1, 60_000, 2))
    assert len(numbers) > 150_000
    answers = said(house, b"a UID FETCH " + numbers + b" (UID)\r\nb UID SEARCH UID " + numbers)
    assert b"* 1 FETCH (UID 1)\r\na OK Messages fetched\r\n* SEARCH 1\r\nb OK" in answers


def test_spans_that_overlap(house):
    house.deliver("alice", *[HELLO] * 20)
    answers = said(house, b"a UID FETCH " + b",".join([b"1:4294967295"] * 10_000) + b" UID")
    assert answers.count(b"FETCH (UID") == 20


def test_a_literal_that_is_announced_and_never_sent(house, peaceful):
    line = logged_in(house)
    line.send(b"a APPEND INBOX {999999}\r\n")
    assert line.readline() == b"+ OK\r\n"
    line.send(b"Subject: x")
    line.close()
    line = logged_in(house)
    line.send(b"a STATUS INBOX (MESSAGES)\r\n")
    assert line.readline() == b'* STATUS "INBOX" (MESSAGES 0)\r\n'


def test_what_is_pipelined_behind_logout_is_not_done(house):
    house.deliver("alice", HELLO)
    line = logged_in(house)
    line.send(b"a LOGOUT\r\nb DELETE x\r\nc CREATE y\r\n")
    assert read_to(line, b"a")[-1] == b"a OK Logged out\r\n"
    assert line.readline() == b""
    line = logged_in(house)
    line.send(b'd LIST "" *\r\n')
    assert line.readline() == b'* LIST (\\HasNoChildren) "/" "INBOX"\r\n'


def test_a_session_that_reads_nothing_disturbs_nobody(house, peaceful):
    house.deliver("alice", *[HELLO * 50] * 50)
    greedy = logged_in(house)
    greedy.send(b"a SELECT INBOX\r\n" + b"b FETCH 1:* BODY.PEEK[]\r\n" * 50)
    line = logged_in(house)
    line.send(b"a SELECT INBOX\r\n")
    assert read_to(line, b"a")[-1].startswith(b"a OK")
    line.send(b"b SEARCH TEXT Hello\r\n")
    assert read_to(line, b"b")[-1] == b"b OK Search done\r\n"
    greedy.close()
