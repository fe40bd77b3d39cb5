# SPDX-License-Identifier: MIT
"""The shell and the session together: limits, order, trouble, the end."""

from __future__ import annotations

import dataclasses
import imaplib
import re
import socket
import time

import pytest

from homemail.auth.api import Denied
from homemail.errors import Refused, TableUnavailable, Temporary
from homemail.model.message import MemoryContent
from homemail.model.session import Peer
from homemail.store.memory import MemoryMailbox
from tests.imap.conftest import HELLO, MULTIPART, House, Passwords, Plain


@pytest.fixture
def make_house(loop_thread):
    houses = []

    def make(**settings):
        houses.append(House(loop_thread, **settings))
        return houses[-1]

    yield make
    for house in houses:
        house.stop()


def greeted(house):
    line = house.connect()
    assert line.readline().startswith(b"* OK [CAPABILITY IMAP4rev1 ")
    return line


def logged_in(house, name=b"alice secret"):
    line = greeted(house)
    line.send(b"in LOGIN %b\r\n" % name)
    assert line.readline().startswith(b"in OK")
    return line


def read_to(line, tag: bytes) -> list[bytes]:
    """Return the lines up to the tagged one."""
    lines = [line.readline()]
    while lines[-1] and not lines[-1].startswith(tag + b" "):
        lines.append(line.readline())
    return lines


def test_pipelined_commands_run_in_order(house):
    house.deliver("alice", HELLO)
    line = greeted(house)
    line.send(
        b"a LOGIN alice secret\r\nb SELECT INBOX\r\nc STORE 1 +FLAGS.SILENT (\\Deleted)\r\n"
        b"d EXPUNGE\r\ne LOGOUT\r\nf NOOP\r\n"
    )
    lines = read_to(line, b"e")
    tags = [one.split()[0] for one in lines if not one.startswith(b"*")]
    assert tags == [b"a", b"b", b"c", b"d", b"e"]
    assert b"* 1 EXPUNGE\r\n" in lines
    assert line.readline() == b""


def test_a_hundred_noops_in_one_write(house):
    line = logged_in(house)
    line.send(b"".join(b"n%d NOOP\r\n" % n for n in range(100)))
    for n in range(100):
        assert line.readline() == b"n%d OK Nothing done\r\n" % n


def test_a_client_that_closes_its_own_direction_is_answered(house):
    with socket.create_connection(("127.0.0.1", house.port), 20) as client:
        client.sendall(b"a LOGIN alice secret\r\nb SELECT INBOX\r\nc NOOP\r\n")
        client.shutdown(socket.SHUT_WR)
        answers = client.makefile("rb").read()
    assert answers.endswith(b"c OK Nothing done\r\n")


def test_a_very_long_line_ends_the_connection(house):
    line = logged_in(house)
    line.send(b"a SEARCH " + b"x" * 10_000_000 + b"\r\n")
    assert line.readline() == b"* BYE The line is too long\r\n"
    assert line.readline() == b""


def test_parentheses_do_not_exhaust_the_stack(house):
    line = logged_in(house)
    for command in (b"SEARCH ", b"FETCH 1 ", b"STORE 1 FLAGS ", b"LIST ", b"ID ", b"STATUS x "):
        line.send(b"a %b%b\r\n" % (command, b"(" * 60_000))
        assert read_to(line, b"a")[-1].startswith(b"a BAD")
    line.send(b"a SELECT INBOX\r\nb SEARCH %b ALL\r\n" % (b"NOT " * 5000))
    assert read_to(line, b"b")[-1] == b"b BAD Too many parentheses\r\n"
    line.send(b"c SEARCH %b\r\n" % b" ".join([b"ALL"] * 2000))
    assert read_to(line, b"c")[-1] == b"c BAD Too many search keys\r\n"


def test_too_many_wrong_commands(house):
    line = logged_in(house)
    line.send(b"a FROG\r\n" * 30)
    lines = read_to(line, b"none")
    assert lines[:-2] == [b"a BAD Unknown command\r\n"] * 21
    assert lines[-2:] == [b"* BYE Too many wrong commands\r\n", b""]


def test_too_many_wrong_passwords(house):
    line = greeted(house)
    line.send(b"a LOGIN alice wrong\r\n" * 12)
    lines = read_to(line, b"none")
    assert lines[-2:] == [b"* BYE Too many mistakes\r\n", b""]
    assert lines.count(b"a NO [AUTHENTICATIONFAILED] Authentication failed\r\n") == 11


def test_a_literal_that_never_comes_ends_with_the_login_timeout(make_house):
    house = make_house(imap_login_timeout=0.05)
    line = greeted(house)
    line.send(b"a LOGIN {5}\r\n")
    assert line.readline() == b"+ OK\r\n"
    assert line.readline() == b"* BYE Autologout; idle for too long\r\n"


def test_small_steps_do_not_stretch_the_login_timeout(make_house):
    house = make_house(imap_login_timeout=0.1)
    line = greeted(house)
    started = time.monotonic()
    try:
        for _ in range(1000):
            line.send(b"a NOOP\r\n")
            if line.readline().startswith(b"* BYE"):
                break
    except OSError:
        pass
    assert time.monotonic() - started < 5


def test_an_idle_session_is_logged_out(make_house):
    house = make_house(imap_idle_timeout=0.05)
    line = logged_in(house)
    assert line.readline() == b"* BYE Autologout; idle for too long\r\n"
    line = logged_in(house)
    line.send(b"a IDLE\r\n")
    assert read_to(line, b"*")[-1] == b"* BYE Autologout; idle for too long\r\n"


def test_more_connections_than_a_client_may_have(make_house, monkeypatch):
    monkeypatch.setattr(Peer, "is_loopback", property(lambda self: False))
    house = make_house(imap_client_connection_count_limit=2)
    first, _second = house.connect(), house.connect()
    assert first.readline().startswith(b"* OK")
    third = house.connect()
    assert third.readline() == b"* BYE Too many connections from your address\r\n"
    first.send(b"a LOGOUT\r\n")
    assert read_to(first, b"a")[-1] == b"a OK Logged out\r\n"
    assert first.readline() == b""
    third.close()
    while len(house.factory.clients) and house.factory.clients["127.0.0.1"] > 1:
        time.sleep(0)
    greeted(house)


def test_shutdown_says_bye(house, loop_thread):
    idle, selected, stranger = logged_in(house), logged_in(house), greeted(house)
    idle.send(b"a IDLE\r\n")
    assert idle.readline() == b"+ idling\r\n"
    selected.send(b"a SELECT INBOX\r\n")
    read_to(selected, b"a")
    loop_thread.run(house.factory.shutdown())
    for line in (idle, selected, stranger):
        assert line.readline() == b"* BYE Server shutting down\r\n"
        assert line.readline() == b""


@pytest.mark.parametrize(
    ("trouble", "answer"),
    [
        (Temporary("Not now"), b"a NO [UNAVAILABLE] Not now\r\n"),
        (Refused("Not you"), b"a NO [NOPERM] Not you\r\n"),
    ],
)
def test_mail_that_cannot_be_opened(house, trouble, answer):
    line = greeted(house)
    house.trouble = trouble
    line.send(b"a LOGIN alice secret\r\nb NOOP\r\n")
    assert line.readline() == answer
    assert line.readline() == b"b OK Nothing done\r\n"
    house.trouble = None
    line.send(b"c LOGIN alice secret\r\n")
    assert line.readline().startswith(b"c OK")


def test_a_fault_of_ours_is_not_shown(house, caplog):
    line = logged_in(house)
    mail = house.mail("alice")
    mail.store.mailboxes = lambda: 1 / 0
    line.send(b'a LIST "" *\r\nb NOOP\r\n')
    assert line.readline() == b"a NO [SERVERBUG] Internal trouble; it was logged\r\n"
    assert line.readline() == b"b OK Nothing done\r\n"
    assert "ZeroDivisionError" in caplog.text


class Broken(Passwords):
    async def login(self, name, password, channel):
        raise ZeroDivisionError("the secret is 42")


def test_a_fault_at_login_is_not_shown(make_house, caplog):
    line = greeted(make_house(authenticator=Broken()))
    line.send(b"a LOGIN alice secret\r\n")
    assert line.readline() == b"* BYE Internal trouble\r\n"
    assert line.readline() == b""


class Down(Passwords):
    async def login(self, name, password, channel):
        if name == "alice":
            raise TableUnavailable("The accounts cannot be asked now")
        return Denied("The accounts cannot be asked now", temporary=True, code="UNAVAILABLE")


@pytest.mark.parametrize("name", [b"alice", b"bob"])
def test_accounts_that_cannot_be_asked(make_house, name):
    line = greeted(make_house(authenticator=Down()))
    line.send(b"a LOGIN %b secret\r\nb NOOP\r\n" % name)
    assert line.readline() == b"a NO [UNAVAILABLE] The accounts cannot be asked now\r\n"
    assert line.readline() == b"b OK Nothing done\r\n"


def test_a_login_with_more_to_say(make_house):
    """A mechanism's last word is a challenge that the client answers with nothing."""

    class Speaking(Plain):
        async def step(self, response):
            step = await super().step(response)
            return dataclasses.replace(step, final=b"v=proof")

    house = make_house()
    house.factory.authenticator.begin = lambda mechanism, channel: Speaking(Passwords(), channel)
    line = greeted(house)
    line.send(b"a AUTHENTICATE PLAIN AGFsaWNlAHNlY3JldA==\r\n")
    assert line.readline() == b"+ dj1wcm9vZg==\r\n"
    line.send(b"\r\n")
    assert line.readline().startswith(b"a OK")


def test_a_large_message_comes_out_as_it_went_in(make_house):
    house = make_house(append_limit=20_000_000)
    big = HELLO + b"".join(b"line %d of many, to make it large\r\n" % n for n in range(150_000))
    line = logged_in(house)
    line.send(b"a APPEND INBOX {%d+}\r\n%b\r\n" % (len(big), big))
    assert line.readline().startswith(b"a OK [APPENDUID ")
    line.send(b"b SELECT INBOX\r\nc FETCH 1 (UID BODY.PEEK[] FLAGS)\r\n")
    read_to(line, b"b")
    assert line.readline() == b"* 1 FETCH (UID 1 BODY[] {%d}\r\n" % len(big)
    got = bytearray()
    while len(got) < len(big):
        got += line.readline()
    assert got == big
    assert line.readline() == b" FLAGS (\\Recent))\r\n"
    assert line.readline() == b"c OK Messages fetched\r\n"


def test_a_slow_reader_holds_little_memory(make_house, loop_thread):
    house = make_house(append_limit=20_000_000)
    house.deliver("alice", *[HELLO + b"x" * 70 + b"\r\n" + b"y" * 1_000_000] * 12)
    line = logged_in(house)
    line.send(b"a SELECT INBOX\r\nb FETCH 1:* BODY.PEEK[]\r\nc NOOP\r\n" + b"d NOOP\r\n" * 50_000)
    read_to(line, b"a")
    (stream,) = [one.stream for one in house.factory._tasks.values()]

    def held() -> int:
        transport = stream._transport
        return len(stream) + len(transport.dataBuffer) + transport._tempDataLen

    while loop_thread.call(lambda: stream._writable) is None:
        time.sleep(0)  # until the client's buffers are full and the server has to wait
    assert loop_thread.call(held) < 3_000_000
    lines = read_to(line, b"c")
    assert lines[-2:] == [b"b OK Messages fetched\r\n", b"c OK Nothing done\r\n"]


def test_a_client_that_leaves_during_a_fetch(house):
    house.deliver("alice", *[HELLO + b"y" * 900_000] * 10)
    line = logged_in(house)
    line.send(b"a SELECT INBOX\r\nb FETCH 1:* BODY.PEEK[]\r\n")
    read_to(line, b"a")
    line.close()
    while house.factory._tasks:
        time.sleep(0)


def test_keywords_run_out(house):
    house.deliver("alice", HELLO)
    line = logged_in(house)
    line.send(b"a SELECT INBOX\r\n")
    read_to(line, b"a")
    for n in range(40):
        line.send(b"k%d STORE 1 +FLAGS (word%d)\r\n" % (n, n))
        last = read_to(line, b"k%d" % n)[-1]
        if b" NO " in last:
            break
    assert last.startswith(b"k%d NO [LIMIT]" % n)


def test_python_imaplib(house):
    house.deliver("alice", HELLO, MULTIPART)
    with imaplib.IMAP4("127.0.0.1", house.port) as client:
        client.authenticate("PLAIN", lambda challenge: b"\0alice\0secret")
        assert client.select() == ("OK", [b"2"])
        assert client.search(None, "FROM", "bob") == ("OK", [b"1"])
        status, data = client.fetch("1", "(RFC822)")
        assert (status, data[0][1]) == ("OK", HELLO)
        assert client.fetch("1", "(FLAGS)")[1] == [b"1 (FLAGS (\\Recent \\Seen))"]
        assert client.store("2", "+FLAGS", "\\Deleted")[0] == "OK"
        assert client.create('"Two words"')[0] == "OK"
        assert client.copy("1", '"Two words"')[0] == "OK"
        appended = client.append('"Two words"', "(\\Flagged)", None, MULTIPART)
        assert re.match(rb"\[APPENDUID \d+ 2\]", appended[1][0])
        assert client.expunge() == ("OK", [b"2"])
        assert client.status('"Two words"', "(MESSAGES UNSEEN)")[1] == [
            b'"Two words" (MESSAGES 2 UNSEEN 1)'
        ]
        assert client.list()[1] == [
            b'(\\HasNoChildren) "/" "INBOX"',
            b'(\\HasNoChildren) "/" "Two words"',
        ]
        assert client.uid("FETCH", "1", "(BODY.PEEK[TEXT])")[1][0][1] == b"Hello Alice\r\n"
        assert client.rename('"Two words"', "Three")[0] == "OK"
        assert client.delete("Three")[0] == "OK"
        assert client.namespace()[1] == [b'(("" "/")) NIL NIL']
        assert client.close()[0] == "OK"


class Torn(MemoryContent):
    """A message that is shorter than it says, or longer."""

    __slots__ = ("said",)

    @property
    def size(self) -> int:
        return self.said


@pytest.mark.parametrize("said", [400_000, 300_000])
def test_a_message_that_is_not_as_long_as_it_says_ends_the_connection(house, monkeypatch, said):
    house.deliver("alice", HELLO)
    torn = Torn(HELLO + b"x" * 350_000)
    torn.said = said
    monkeypatch.setattr(MemoryMailbox, "read_content", lambda mailbox, uid: torn)
    line = logged_in(house)
    line.send(b"a SELECT INBOX\r\nb FETCH 1 BODY.PEEK[]\r\nc NOOP\r\n")
    read_to(line, b"a")
    lines = read_to(line, b"c")
    assert lines[-1] == b""
    assert not any(one.startswith((b"b ", b"c ")) for one in lines)


def test_a_message_that_cannot_be_read_is_a_no(house, monkeypatch):
    def fail(mailbox, uid):
        raise Temporary("The disk is away")

    house.deliver("alice", HELLO)
    monkeypatch.setattr(MemoryMailbox, "read_content", fail)
    line = logged_in(house)
    line.send(b"a SELECT INBOX\r\nb FETCH 1 BODY.PEEK[]\r\nc NOOP\r\n")
    read_to(line, b"a")
    assert line.readline() == b"b NO [UNAVAILABLE] The disk is away\r\n"
    assert line.readline() == b"c OK Nothing done\r\n"


def test_a_message_that_is_gone_is_left_out(house):
    house.deliver("alice", HELLO, HELLO, HELLO)
    reader, other = logged_in(house), logged_in(house)
    for line in (reader, other):
        line.send(b"a SELECT INBOX\r\n")
        read_to(line, b"a")
    other.send(b"b STORE 2 +FLAGS.SILENT (\\Deleted)\r\nc EXPUNGE\r\n")
    read_to(other, b"c")
    for items in (b"BODY.PEEK[TEXT]", b"ENVELOPE", b"RFC822.SIZE", b"BODY.PEEK[HEADER]<0.5>"):
        reader.send(b"d FETCH 1:3 %b\r\n" % items)
        lines = read_to(reader, b"d")
        numbers = [one.split()[1] for one in lines if re.match(rb"\* \d FETCH", one)]
        assert numbers == [b"1", b"3"]
        assert lines[-1] == b"d OK [EXPUNGEISSUED] Some messages are gone\r\n"
    reader.send(b"e NOOP\r\n")
    assert read_to(reader, b"e")[0] == b"* 2 EXPUNGE\r\n"


def test_expunging_a_whole_mailbox(house):
    house.deliver("alice", *[HELLO] * 200)
    line = logged_in(house)
    line.send(b"a SELECT INBOX\r\nb STORE 1:199 +FLAGS.SILENT (\\Deleted)\r\nc EXPUNGE\r\n")
    read_to(line, b"b")
    assert read_to(line, b"c")[:-1] == [b"* %d EXPUNGE\r\n" % n for n in range(199, 0, -1)]
    line.send(b"d FETCH 1 UID\r\n")
    assert line.readline() == b"* 1 FETCH (UID 200)\r\n"


def test_quota(make_house):
    house = make_house(limits={"octets_limit": 2048, "messages_limit": 5})
    house.deliver("alice", HELLO)
    line = logged_in(house)
    line.send(b"a GETQUOTA account\r\n")
    assert line.readline() == b'* QUOTA "account" (STORAGE 1 2 MESSAGE 1 5)\r\n'
    assert line.readline() == b"a OK Quota told\r\n"
    line.send(b"b APPEND INBOX {3000+}\r\n%b\r\n" % (b"x" * 3000))
    assert line.readline().startswith(b"b NO [OVERQUOTA] ")


def test_a_literal_too_large_before_login(house):
    line = greeted(house)
    line.send(b"a LOGIN {100000}\r\nb NOOP\r\nc LOGIN {100000+}\r\n")
    assert line.readline() == b"a NO [TOOBIG] The literal is too big\r\n"
    assert line.readline() == b"b OK Nothing done\r\n"
    assert line.readline() == b"* BYE The literal is too big\r\n"


def test_names_and_texts_that_are_not_utf8(house):
    line = greeted(house)
    line.send(b'a LOGIN "\xff" secret\r\n')
    assert line.readline() == b"a BAD Expected text in UTF-8\r\n"
    line.send(b"b LOGIN alice secret\r\nc SELECT INBOX\r\n")
    read_to(line, b"c")
    line.send(b'd SEARCH SUBJECT "\xff"\r\n')
    assert line.readline() == b"d BAD The text is not in its charset\r\n"
    line.send(b'e SEARCH CHARSET iso-8859-1 SUBJECT "\xff"\r\n')
    assert line.readline() == b"* SEARCH\r\n"


def test_no_append_limit(make_house):
    line = greeted(make_house(append_limit=0))
    line.send(b"a LOGIN alice secret\r\n")
    assert line.readline().endswith(b" APPENDLIMIT] Logged in\r\n")
    line.send(b"b STATUS INBOX (APPENDLIMIT)\r\n")
    assert line.readline() == b'* STATUS "INBOX" (APPENDLIMIT NIL)\r\n'
    assert line.readline() == b"b OK Status told\r\n"
    line.send(b"c APPEND INBOX {%d+}\r\n%b\r\n" % (len(HELLO), HELLO))
    assert line.readline().startswith(b"c OK")
