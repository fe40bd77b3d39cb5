# SPDX-License-Identifier: MIT
"""The parts of a session that a dialogue cannot show: other sessions, clients that vanish, size."""

from __future__ import annotations

import contextlib
import poplib
import shutil
import socket
import ssl
import subprocess
import threading

import pytest

from homemail.errors import Refused, StorageFull, Temporary
from homemail.model.address import AccountId
from homemail.model.mailbox import INBOX, SEEN, FlagChange, Uid
from homemail.model.session import Peer
from homemail.pop3.server import Pop3Connection
from homemail.store.api import Actor
from homemail.store.memory import MemoryMailbox, MemoryStore
from tests.loop import LoopThread
from tests.pop3.house import Pop3House

ALICE = AccountId("alice")
BIG = b"Subject: big\r\n\r\n" + (b"." + b"x" * 97 + b"\r\n") * 50_000


def logged_in(house: Pop3House, name: str = "alice") -> poplib.POP3:
    client = poplib.POP3("127.0.0.1", house.port, timeout=20)
    client.user(name)
    client.pass_(f"{name}-secret")
    return client


def any_certificate() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def inbox(house: Pop3House) -> MemoryMailbox:
    return house.stores[ALICE].open(INBOX, Actor(ALICE))


def test_poplib(house: Pop3House):
    client = poplib.POP3("127.0.0.1", house.port, timeout=20)
    assert "PIPELINING" in client.capa()
    client.stls(any_certificate())
    client.user("alice")
    client.pass_("alice-secret")
    assert client.stat() == (2, 53)
    assert client.retr(2)[1] == [b"Subject: two", b"", b".dots", b"..", b"end"]
    assert client.top(1, 0)[1] == [b"Subject: one", b""]
    assert client.list()[1] == [b"1 23", b"2 30"]
    assert len(set(client.uidl()[1])) == 2
    client.dele(1)
    client.rset()
    client.dele(2)
    client.quit()
    assert house.messages("alice") == 1


@pytest.mark.real
def test_curl(house: Pop3House):
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    url = f"pop3://127.0.0.1:{house.port}/"
    curl = ["curl", "-sS", "--user", "alice:alice-secret", "--ssl-reqd", "--insecure"]
    listing = subprocess.run([*curl, url], capture_output=True, check=True, timeout=20).stdout
    assert listing.split() == [b"1", b"23", b"2", b"30"]
    message = subprocess.run([*curl, url + "1"], capture_output=True, check=True, timeout=20).stdout
    assert message == b"Subject: one\r\n\r\nFirst\r\n"


def test_without_quit_nothing_is_removed(house: Pop3House):
    client = logged_in(house)
    client.retr(1)
    client.dele(1)
    client.close()
    client = logged_in(house)
    assert client.stat() == (2, 53)
    client.quit()
    facts = inbox(house).read_facts([Uid(1), Uid(2)])
    assert [SEEN in fact.flags for fact in facts] == [False, False]


def test_quit_marks_what_was_fetched_and_stays_as_seen(house: Pop3House):
    client = logged_in(house)
    client.retr(1)
    client.top(2, 0)
    client.quit()
    facts = inbox(house).read_facts([Uid(1), Uid(2)])
    assert [SEEN in fact.flags for fact in facts] == [True, False]


def test_a_session_claims_no_recent_messages(house: Pop3House):
    client = logged_in(house)
    client.retr(1)
    client.dele(1)
    client.quit()
    assert inbox(house).snapshot().recent == {2}


def test_unique_ids_and_numbers_stay(house: Pop3House):
    client = logged_in(house)
    before = client.uidl()[1]
    inbox(house).remove([Uid(1)])
    house.file("alice", b"Subject: three\r\n\r\n")
    assert client.uidl()[1] == before
    assert client.stat() == (2, 53)
    with pytest.raises(poplib.error_proto, match="removed by another session"):
        client.retr(1)
    with pytest.raises(poplib.error_proto, match="removed by another session"):
        client.top(1, 0)
    assert client.retr(2)[2] > 0
    client.dele(1)
    client.quit()
    client = logged_in(house)
    assert client.uidl()[1][0].split()[1] == before[1].split()[1]
    assert client.stat()[0] == 2
    client.quit()


def test_one_session_at_a_time(loop_thread: LoopThread):
    house = Pop3House(loop_thread, pop3_lock_timeout=0.05)
    with contextlib.closing(house):
        first = logged_in(house)
        with pytest.raises(poplib.error_proto, match=r"-ERR \[IN-USE\]"):
            logged_in(house)
        logged_in(house, "bob").quit()
        inbox(house).store([Uid(1)], FlagChange.ADD, frozenset({SEEN}))  # IMAP goes on
        first.quit()
        logged_in(house).quit()


def test_the_lock_goes_with_its_connection(house: Pop3House):
    first = logged_in(house)
    waiting = threading.Thread(target=lambda: logged_in(house).quit())
    waiting.start()
    first.close()
    waiting.join(1.5)
    assert not waiting.is_alive()


def test_a_refused_client_may_try_again(loop_thread: LoopThread):
    house = Pop3House(loop_thread, pop3_lock_timeout=0.05)
    with contextlib.closing(house):
        first = logged_in(house)
        second = poplib.POP3("127.0.0.1", house.port, timeout=20)
        second.user("alice")
        with pytest.raises(poplib.error_proto, match="IN-USE"):
            second.pass_("alice-secret")
        first.quit()
        second.user("alice")
        second.pass_("alice-secret")
        second.quit()


@pytest.mark.parametrize("error", [StorageFull("full"), RuntimeError("a secret path")])
def test_a_failed_removal_is_told(house: Pop3House, monkeypatch, error):
    def fail(self, uids):
        raise error

    monkeypatch.setattr(MemoryMailbox, "remove", fail)
    client = logged_in(house)
    client.dele(1)
    with pytest.raises(poplib.error_proto) as told:
        client.quit()
    assert told.value.args[0] == b"-ERR [SYS/TEMP] Some deleted messages were not removed"
    assert house.messages("alice") == 2


def test_a_mailbox_made_anew_loses_nothing(house: Pop3House):
    client = logged_in(house)
    client.dele(1)
    store = house.stores[ALICE]
    store._boxes[INBOX].uid_validity += 1
    with pytest.raises(poplib.error_proto, match="not removed"):
        client.quit()
    assert house.messages("alice") == 2


@pytest.mark.parametrize(
    ("error", "answer"),
    [
        (Temporary("Not now"), b"-ERR [SYS/TEMP] Not now"),
        (Refused("Not you"), b"-ERR [SYS/PERM] Not you"),
        (RuntimeError("/secret"), b"-ERR [SYS/TEMP] Internal trouble, try again later"),
    ],
)
def test_mail_that_cannot_be_opened(house: Pop3House, monkeypatch, error, answer):
    def fail(self, name, actor, read_only=False):
        raise error

    monkeypatch.setattr(MemoryStore, "open", fail)
    with pytest.raises(poplib.error_proto) as told:
        logged_in(house)
    assert told.value.args[0] == answer


@pytest.mark.parametrize(
    ("error", "answer"),
    [
        (Temporary("Not now"), b"-ERR [SYS/TEMP] Not now"),
        (RuntimeError("/secret"), b"-ERR [SYS/TEMP] Internal trouble, try again later"),
    ],
)
def test_a_message_that_cannot_be_read(house: Pop3House, monkeypatch, error, answer):
    def fail(self, uid):
        raise error

    monkeypatch.setattr(MemoryMailbox, "read_content", fail)
    client = logged_in(house)
    with pytest.raises(poplib.error_proto) as told:
        client.retr(1)
    assert told.value.args[0] == answer
    client.noop()
    client.quit()


def test_a_name_of_a_megabyte(house: Pop3House):
    with socket.create_connection(("127.0.0.1", house.port), 20) as client:
        lines = client.makefile("rb")
        lines.readline()
        client.sendall(
            b"USER " + b"x" * 1_000_000 + b"\r\nUSER alice\r\nPASS alice-secret\r\nQUIT\r\n"
        )
        assert lines.readline() == b"-ERR Line too long\r\n"
        assert lines.read().count(b"+OK") == 3


def test_pipelined_commands_are_answered_in_order(house: Pop3House):
    count = 300
    house.file("bob", *(b"Subject: %d\r\n\r\n%d\r\n" % (n, n) for n in range(count)))
    commands = [b"USER bob", b"PASS bob-secret", b"STAT"]
    commands += [b"RETR %d" % n for n in range(1, count + 1)]
    commands += [b"DELE %d" % n for n in range(1, count + 1)]
    commands.append(b"QUIT")
    with socket.create_connection(("127.0.0.1", house.port), 20) as client:
        client.sendall(b"".join(command + b"\r\n" for command in commands))
        client.shutdown(socket.SHUT_WR)
        answers = client.makefile("rb").read()
    bodies = b"".join(
        b"+OK %d octets\r\nSubject: %d\r\n\r\n%d\r\n.\r\n" % (17 + 2 * (len(str(n)) - 1), n, n)
        for n in range(count)
    )
    assert bodies in answers
    assert answers.endswith(b"+OK Message 300 marked as deleted\r\n+OK Goodbye\r\n")
    assert house.messages("bob") == 0


@pytest.mark.slow
def test_a_large_message_to_a_slow_reader(house: Pop3House):
    house.file("bob", BIG)
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.settimeout(20)
        client.connect(("127.0.0.1", house.port))
        client.sendall(b"USER bob\r\nPASS bob-secret\r\nRETR 1\r\nQUIT\r\n")
        lines = client.makefile("rb")
        for _ in range(3):
            lines.readline()
        assert lines.readline() == b"+OK %d octets\r\n" % len(BIG)
        connection = next(iter(house.factory._tasks.values()))
        house.loop_thread.call(lambda: None)
        assert held_for_writing(connection) < 400_000
        got = lines.read()
    assert got == BIG.replace(b"\r\n.", b"\r\n..") + b".\r\n+OK Goodbye\r\n"


def held_for_writing(connection: Pop3Connection) -> int:
    transport = connection.transport
    return len(transport.dataBuffer) + transport._tempDataLen


def test_a_client_that_vanishes_within_a_message(house: Pop3House):
    house.file("bob", BIG)
    client = socket.create_connection(("127.0.0.1", house.port), 20)
    client.sendall(b"USER bob\r\nPASS bob-secret\r\nDELE 1\r\nRSET\r\nRETR 1\r\n")
    client.recv(1000)
    client.close()
    logged_in(house, "bob").quit()
    assert house.messages("bob") == 1


def test_passwords_are_not_asked_for_in_the_clear(house: Pop3House, monkeypatch):
    begun = Pop3Connection.begun

    def from_far_away(self):
        self.peer = Peer("192.0.2.7", 4000)
        begun(self)

    monkeypatch.setattr(Pop3Connection, "begun", from_far_away)
    client = poplib.POP3("127.0.0.1", house.port, timeout=20)
    capabilities = client.capa()
    assert "USER" not in capabilities
    assert capabilities["SASL"] == ["SCRAM-SHA-256", "CRAM-MD5"]
    with pytest.raises(poplib.error_proto, match="under TLS"):
        client.user("alice")
    with pytest.raises(poplib.error_proto, match="not offered"):
        client._shortcmd("AUTH PLAIN AGFsaWNlAGFsaWNlLXNlY3JldA==")
    client.stls(any_certificate())
    client.user("alice")
    client.pass_("alice-secret")
    client.quit()


def test_too_many_connections(loop_thread: LoopThread, monkeypatch):
    begun = Pop3Connection.begun

    def from_far_away(self):
        self.peer = Peer("192.0.2.7", 4000)
        begun(self)

    monkeypatch.setattr(Pop3Connection, "begun", from_far_away)
    house = Pop3House(loop_thread, pop3_client_connection_count_limit=1)
    with contextlib.closing(house):
        first = poplib.POP3("127.0.0.1", house.port, timeout=20)
        with pytest.raises(poplib.error_proto, match="Too many connections"):
            poplib.POP3("127.0.0.1", house.port, timeout=20)
        first.quit()


def test_silent_clients_are_cut_off(loop_thread: LoopThread):
    house = Pop3House(loop_thread, pop3_login_timeout=0.05, pop3_idle_timeout=0.05)
    with contextlib.closing(house):
        with socket.create_connection(("127.0.0.1", house.port), 20) as client:
            assert client.makefile("rb").read().startswith(b"+OK pop.home.test homemail ready ")
        client = logged_in(house)
        assert client.file.read() == b""


def test_shutdown_ends_idle_sessions_and_removes_nothing(house: Pop3House):
    idle = poplib.POP3("127.0.0.1", house.port, timeout=20)
    client = logged_in(house)
    client.dele(1)
    house.loop_thread.run(house.factory.shutdown())
    assert idle.file.read() == client.file.read() == b""
    assert house.messages("alice") == 2
