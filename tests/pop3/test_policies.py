# SPDX-License-Identifier: MIT
"""What the house decides: bulletins, how long mail stays, how often one may come; and APOP."""

from __future__ import annotations

import contextlib
import datetime
import hashlib
import poplib

import pytest

from homemail.auth.api import Account
from homemail.errors import OverQuota
from homemail.model.address import AccountId
from homemail.model.mailbox import INBOX, SEEN
from homemail.model.message import MemoryContent
from homemail.pop3.bulletins import Bulletins
from homemail.store.api import Actor, NewMessage
from tests.pop3.house import Pop3House
from tests.pop3.test_session import logged_in

ALICE = AccountId("alice")
MAIL = b"Subject: one\r\n\r\nFirst\r\n"


@pytest.fixture
def make(loop_thread):
    with contextlib.ExitStack() as stack:

        def house(**more) -> Pop3House:
            made = stack.enter_context(contextlib.closing(Pop3House(loop_thread, **more)))
            made.file("alice", MAIL)
            return made

        yield house


def test_apop(make):
    client = poplib.POP3("127.0.0.1", make().port, timeout=20)
    client.apop("alice", "alice-secret")
    assert client.stat()[0] == 1
    client.quit()


def test_a_greeting_can_be_answered_once_by_each_client_only(make):
    house = make()
    first, second = (poplib.POP3("127.0.0.1", house.port, timeout=20) for _ in range(2))
    stolen = first.welcome.split()[-1] + b"alice-secret"
    digest = hashlib.md5(stolen, usedforsecurity=False).hexdigest()
    with pytest.raises(poplib.error_proto, match="Authentication failed"):
        second._shortcmd(f"APOP alice {digest}")
    assert first._shortcmd(f"APOP alice {digest}").startswith(b"+OK")
    first.quit()
    second.quit()


def test_no_timestamp_where_nobody_could_use_it(make):
    house = make()
    for name in ("alice", "bob"):
        account = Account(AccountId(name), house.accounts._accounts[AccountId(name)][0].home)
        house.accounts.put(account, ["{SSHA512}x"])
    client = poplib.POP3("127.0.0.1", house.port, timeout=20)
    assert client.welcome == b"+OK pop.home.test homemail ready"
    with pytest.raises(poplib.error_proto, match="not offered"):
        client._shortcmd("APOP alice c4c9334bac560ecc979e58001b3e22fb")


def test_bulletins_are_seen_once_by_each(make, tmp_path):
    directory = tmp_path / "bulls"
    directory.mkdir()
    house = make(bulletins=Bulletins(directory, tmp_path / "state"))
    first = b"From root Thu Jan  1 00:00:00 1970\nSubject: Hello all\n\nBe good.\n.\n"
    (directory / "00001.Test_bulletin").write_bytes(first)
    (directory / "README").write_bytes(b"no bulletin")
    client = logged_in(house)
    assert client.stat()[0] == 2
    assert client.retr(2)[1] == [b"Subject: Hello all", b"", b"Be good.", b"."]
    client.dele(2)
    client.quit()
    client = logged_in(house)
    assert client.stat()[0] == 1
    client.quit()
    (directory / "00002.More").write_bytes(b"Subject: More\r\n\r\n")
    for name, count in (("alice", 2), ("alice", 2), ("bob", 2), ("bob", 2)):
        client = logged_in(house, name)
        assert client.stat()[0] == count
        client.quit()
    (directory / "00002.More").unlink()
    (directory / "00003.x").mkdir()  # trouble keeps nobody from his mail
    client = logged_in(house)
    assert client.stat()[0] == 2


def test_a_full_mailbox_gets_no_bulletin_and_can_be_emptied(make, tmp_path, monkeypatch):
    (tmp_path / "00001.x").write_bytes(b"Subject: Hello all\n\n")
    house = make(bulletins=Bulletins(tmp_path, tmp_path / "state"))

    def full(*arguments):
        raise OverQuota("full")

    monkeypatch.setattr(house.stores[ALICE], "append", full)
    client = logged_in(house)
    client.dele(1)
    client.quit()
    assert house.messages("alice") == 0


def test_what_was_fetched_goes(make):
    house = make(pop3_delete_after_retrieval=True)
    house.file("alice", MAIL)
    client = logged_in(house)
    assert client.capa()["EXPIRE"] == ["0"]
    client.retr(1)
    client.top(2, 0)
    client.quit()
    assert house.messages("alice") == 1


def test_what_was_fetched_without_quit_stays(make):
    house = make(pop3_delete_after_retrieval=True)
    client = logged_in(house)
    client.retr(1)
    client.close()
    logged_in(house).quit()
    assert house.messages("alice") == 1


def test_old_mail_that_was_read_goes(make):
    house = make(pop3_keep_days=30)
    now = datetime.datetime.now(datetime.UTC)
    old, young = now - datetime.timedelta(days=31), now - datetime.timedelta(days=29)
    content = MemoryContent(MAIL)
    house.stores[ALICE].append(
        INBOX,
        [
            NewMessage(content, frozenset({SEEN}), old),
            NewMessage(content, frozenset(), old),
            NewMessage(content, frozenset({SEEN}), young),
        ],
        Actor(ALICE),
    )
    client = logged_in(house)
    assert client.capa()["EXPIRE"] == ["30"]
    client.quit()
    assert house.messages("alice") == 3
    client = logged_in(house)
    client.retr(2)  # the old one that was not read yet
    client.quit()
    assert house.messages("alice") == 2


def test_login_delay(make):
    house = make(pop3_login_delay=60.0)
    client = logged_in(house)
    assert client.capa()["LOGIN-DELAY"] == ["60"]
    client.quit()
    with pytest.raises(poplib.error_proto, match=r"\[LOGIN-DELAY\]"):
        logged_in(house)
    logged_in(house, "bob").quit()


def test_unique_ids_by_the_format_of_another_server(make):
    house = make(pop3_uidl_format="%08Xu%08Xv", pop3_reuse_xuidl=True)
    house.file("alice", b"X-UIDL: 3a1ec71700000001\r\nSubject: x\r\n\r\n")
    validity = house.stores[ALICE].status(INBOX, Actor(ALICE)).uid_validity
    client = logged_in(house)
    assert client.uidl()[1] == [b"1 %08x%08x" % (1, validity), b"2 3a1ec71700000001"]
    assert client.uidl(2) == b"+OK 2 3a1ec71700000001"


def test_nobody_logs_in_before_tls_where_it_is_demanded(make, tls_context):
    house = make(tls_context=tls_context)
    house.factory.tls_required = True
    client = poplib.POP3("127.0.0.1", house.port, timeout=20)
    assert client.welcome == b"+OK pop.home.test homemail ready"
    capabilities = client.capa()
    assert "SASL" not in capabilities
    assert "USER" not in capabilities
    with pytest.raises(poplib.error_proto, match="under TLS"):
        client.user("alice")
    client.stls()
    client.user("alice")
    client.pass_("alice-secret")
    client.quit()
