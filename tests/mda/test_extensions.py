# SPDX-License-Identifier: MIT
"""What Sieve's extensions do to the world: edited headers, memory, notifications, copies."""

from __future__ import annotations

import email
from datetime import timedelta

from homemail.mda.script import HouseScripts
from homemail.model.address import Address
from homemail.model.delivery import Deferred, Delivered
from homemail.model.envelope import Notify, Ret
from homemail.model.mailbox import Flag, MailboxName
from homemail.sieve import Scores
from homemail.store.api import Actor
from tests.mda.conftest import ALICE, MESSAGE, House

FIELDS = b"Return-Path: <bob@x.org>\r\nDelivered-To: alice@home.test\r\n"


def script(house: House, text: str) -> None:
    house.write(".homemail.sieve", text)


def test_edited_header_is_filed_and_sent(house: House) -> None:
    script(
        house,
        'require ["editheader", "fileinto", "mailbox", "copy"]; fileinto :create "before";'
        'addheader "X-A" "1"; deleteheader "subject"; redirect :copy "c@x.org"; keep;',
    )
    assert isinstance(house.run(), Delivered)
    edited = b"X-A: 1\r\n" + MESSAGE.replace(b"Subject: hi\r\n", b"")
    assert house.filed("before") == [FIELDS + MESSAGE]
    assert house.filed() == [FIELDS + edited]
    assert house.queue.sent[0][1] == b"Delivered-To: alice@home.test\r\n" + edited


def test_large_message_with_an_edited_header(house: House) -> None:
    script(house, 'require "editheader"; addheader :last "X-A" "1";')
    body = b"x" * 70 + b"\r\n"
    large = b"From: bob@x.org\r\n\r\n" + body * 10_000
    assert isinstance(house.run(message=large), Delivered)
    assert house.filed() == [FIELDS + b"From: bob@x.org\r\nX-A: 1\r\n\r\n" + body * 10_000]


def test_duplicates_are_remembered_when_delivered(house: House) -> None:
    script(house, 'require "duplicate"; if duplicate :seconds 3600 { discard; }')
    message = b"Message-ID: <1@x.org>\r\n" + MESSAGE
    house.run(message=message)
    house.rebuild()
    house.now += timedelta(minutes=30)
    assert house.run(message=message) == Delivered("discarded")
    house.now += timedelta(minutes=31)
    assert house.run(message=message) == Delivered("filed in INBOX")
    assert len(house.filed()) == 2


def test_what_was_deferred_is_no_duplicate(house: House) -> None:
    script(house, 'require "duplicate"; if duplicate { discard; } redirect "c@x.org";')
    message = b"Message-ID: <1@x.org>\r\n" + MESSAGE
    house.queue.failure = RuntimeError("broken")
    delivery = house.delivery()
    assert isinstance(house.run(delivery, message), Deferred)
    house.queue.failure = None
    assert isinstance(house.run(delivery, message), Delivered)
    assert house.queue.recipients() == ["c@x.org"]


def test_notification(house: House) -> None:
    script(
        house,
        'require ["enotify", "fcc", "mailbox"]; notify :importance "1" :fcc "Told" :create'
        ' :message "news" "mailto:phone@sms.example?x-a=b&received=no&body=Look";',
    )
    assert isinstance(house.run(message=b"Message-ID: <1@x.org>\r\n" + MESSAGE), Delivered)
    ((envelope, octets),) = house.queue.sent
    assert envelope.reverse_path == Address.parse("alice@home.test")
    assert house.queue.recipients() == ["phone@sms.example"]
    mail = email.message_from_bytes(octets)
    assert mail["Auto-Submitted"] == 'auto-notified; owner-email="alice@home.test"'
    assert mail["From"] == "alice@home.test"
    assert mail["To"] == "phone@sms.example"
    assert mail["Subject"] == "news"
    assert mail["Importance"] == "high"
    assert mail["References"] == "<1@x.org>"
    assert mail["X-A"] == "b"
    assert mail["Received"] is None
    assert mail.get_payload().strip() == "Look"
    assert house.filed("Told") == [octets]
    assert len(house.filed()) == 1


def test_no_notification_of_what_machines_write(house: House) -> None:
    script(house, 'require "enotify"; notify "mailto:p@x.org";')
    house.run(message=b"Auto-Submitted: auto-notified; owner-email=x\r\n" + MESSAGE)
    assert house.queue.sent == []
    house.run(house.delivery(sender=None))
    ((envelope, octets),) = house.queue.sent
    assert envelope.reverse_path is None
    assert b"Subject: hi\r\n" in octets
    assert b"From: bob@x.org\r\nSubject: hi\r\n" in octets.partition(b"\r\n\r\n")[2]


def test_notification_that_cannot_be_sent_loses_nothing(house: House) -> None:
    script(house, 'require "enotify"; notify "mailto:p@x.org";')
    house.queue.failure = RuntimeError("broken")
    assert isinstance(house.run(), Delivered)
    assert len(house.filed()) == 1


def test_copy_of_a_vacation_answer(house: House) -> None:
    script(
        house,
        'require ["vacation", "fcc", "imap4flags"];vacation :fcc "INBOX" :flags "\\\\Seen" "Away";',
    )
    house.run()
    assert len(house.filed()) == 2
    assert house.filed()[1] == house.queue.sent[0][1]
    assert house.flags() == [set(), {Flag("\\Seen")}]


def test_special_use(house: House) -> None:
    house.store.create(MailboxName.parse("Spam"), Actor(ALICE), frozenset({"\\Junk"}))
    script(
        house,
        'require ["fileinto", "special-use", "mailbox"]; fileinto :specialuse "\\\\Junk" "Other";'
        'fileinto :create :specialuse "\\\\Archive" "Old";',
    )
    house.run()
    assert len(house.filed("Spam")) == 1
    assert len(house.filed("Old")) == 1
    uses = {str(box.name): box.special_use for box in house.store.mailboxes()}
    assert uses["Old"] == {"\\Archive"}


def test_redirect_with_wishes(house: House) -> None:
    script(house, 'require "redirect-dsn"; redirect :notify "NEVER" :ret "HDRS" "c@x.org";')
    house.run()
    ((envelope, _),) = house.queue.sent
    assert envelope.recipients[0].notify == Notify.NEVER
    assert envelope.ret is Ret.HDRS


def test_included_scripts_count_as_soon_as_they_change(house: House) -> None:
    (house.home / "sieve").mkdir(mode=0o700)
    script(house, 'require "include"; include :optional "friends";')
    house.run()
    assert len(house.filed()) == 1
    house.write("sieve/friends.sieve", "discard;")
    assert house.run() == Delivered("discarded")
    house.write("sieve/friends.sieve", 'redirect "c@x.org";')
    house.run()
    assert house.queue.recipients() == ["c@x.org"]
    house.write("sieve/friends.sieve", "discard;", 0o666)
    house.run()
    assert len(house.filed()) == 2


def test_environment(house: House) -> None:
    script(
        house,
        'require "environment"; if environment "domain" "home.test" { discard; }',
    )
    assert house.run() == Delivered("discarded")


def test_address_book(house: House) -> None:
    (house.home / "sieve" / "lists").mkdir(parents=True, mode=0o700)
    script(house, 'require "extlists"; if address :list "from" ":addrbook:default" { discard; }')
    house.run()
    assert len(house.filed()) == 1
    house.write("sieve/lists/default", "# friends\nBob@X.org\n")
    assert house.run() == Delivered("discarded")


def test_scores_of_filters_in_front(house: House) -> None:
    house.scripts = HouseScripts(scores=Scores("X-Spam", "([0-9.]+)", 10))
    house.rebuild()
    script(house, 'require "spamtest"; if spamtest "10" { discard; }')
    assert house.run(message=b"X-Spam: 12.5\r\n" + MESSAGE) == Delivered("discarded")
    assert house.run() == Delivered("filed in INBOX")
