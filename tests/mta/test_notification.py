# SPDX-License-Identifier: MIT
from __future__ import annotations

import email
import email.policy
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from homemail.model.address import Address
from homemail.model.envelope import Body, Notify, Origin, OriginalRecipient, Ret
from homemail.model.message import MemoryContent, read_all
from homemail.model.queue import (
    LineTime,
    QueuedRecipient,
    QueueEntry,
    QueueState,
    RecipientStatus,
)
from homemail.model.reply import Reply
from homemail.mta.notification import DOUBLE_BOUNCE, Reporter, build_notification
from tests.mta.queue.samples import CONTENT, envelope, recipient

NOW = datetime(2026, 1, 2, 12, 0, 0, tzinfo=UTC)
REPORTER = Reporter("mail.home.test", 50_000, 432000.0)
NO_USER = Reply(550, "5.1.1", "no such user\nhere")
RELAY = "mx.far.test[192.0.2.1]:25"


def entry(*queued, **fields):
    sample = envelope(*(one.recipient for one in queued), trace="T1", **fields)
    return QueueEntry("T1", sample, queued, QueueState.ACTIVE, 9, NOW, LineTime(3600.0))


def failed(text="bob@far.test", reply=NO_USER, relay=RELAY, **fields):
    return QueuedRecipient(
        recipient(text, **fields), RecipientStatus.FAILED, reply, Notify.NEVER, relay
    )


def build(of, kind=Notify.FAILURE, original=CONTENT):
    sample, content = build_notification(of, kind, of.recipients, original, REPORTER, NOW)
    octets = read_all(content)
    assert all(len(line) <= 998 for line in octets.split(b"\r\n"))
    assert octets.replace(b"\r\n", b"").count(b"\n") == 0
    message = email.message_from_bytes(octets, policy=email.policy.default)
    assert not message.defects
    return sample, octets, message


def groups(message):
    """Return the fields of each group of the delivery-status part."""
    return [dict(group.items()) for group in message.get_payload(1).get_payload()]


def test_failure():
    sample, octets, message = build(entry(failed(), failed("carol@far.test")))
    assert sample.reverse_path is None
    assert [str(one.forward_path) for one in sample.recipients] == ["alice@home.test"]
    assert sample.recipients[0].notify is Notify.NEVER
    assert (sample.origin, sample.parent, sample.body) == (
        Origin.NOTIFICATION,
        "T1",
        Body.SEVEN_BIT,
    )
    assert b"\r\nFrom: MAILER-DAEMON@mail.home.test (Mail Delivery System)\r\n" in octets
    assert message["To"] == "alice@home.test"
    assert message["Subject"] == "Undelivered Mail Returned to Sender"
    assert message["Auto-Submitted"] == "auto-replied"
    assert message.get_content_type() == "multipart/report"
    assert message.get_param("report-type") == "delivery-status"
    text, report, returned = message.get_payload()
    assert [part["Content-Description"] for part in message.get_payload()] == [
        "Notification",
        "Delivery error report",
        "Undelivered Message",
    ]
    words = text.get_content()
    assert words.startswith("This is the mail system at host mail.home.test.")
    assert "<bob@far.test>: host mx.far.test[192.0.2.1]:25 said: 550 5.1.1 no such" in words
    assert report.get_content_type() == "message/delivery-status"
    assert returned.get_content_type() == "message/rfc822"
    assert read_all(CONTENT) in octets
    whole, first, _ = groups(message)
    assert whole["Reporting-MTA"] == "dns; mail.home.test"
    assert whole["Arrival-Date"]
    assert first == {
        "Final-Recipient": "rfc822; bob@far.test",
        "Action": "failed",
        "Status": "5.1.1",
        "Remote-MTA": "dns; mx.far.test",
        "Diagnostic-Code": "smtp; 550 5.1.1 no such user here",
    }


def test_our_own_words():
    _, _, message = build(entry(failed(reply=Reply(552, "5.2.2", "mailbox full"), relay="")))
    assert groups(message)[1]["Diagnostic-Code"] == "X-Homemail; mailbox full"
    assert "Remote-MTA" not in groups(message)[1]


def test_what_the_sender_gave_comes_back():
    original = OriginalRecipient("rfc822", "Bob+x@list.test")
    _, _, message = build(entry(failed(original=original), envelope_id="QQ 314159"))
    whole, first = groups(message)
    assert whole["Original-Envelope-Id"] == "QQ 314159"
    assert first["Original-Recipient"] == "rfc822; Bob+x@list.test"
    assert "expanded from <Bob+x@list.test>" in " ".join(
        message.get_payload(0).get_content().split()
    )


LARGE = MemoryContent(b"Subject: large\r\n\r\n" + b"x" * 70 * 1000)


@pytest.mark.parametrize(
    ("fields", "kind", "original"),
    [
        ({"ret": Ret.HDRS}, Notify.FAILURE, CONTENT),
        ({"ret": Ret.FULL}, Notify.FAILURE, LARGE),
        ({"ret": Ret.FULL}, Notify.DELAY, CONTENT),
        ({}, Notify.SUCCESS, CONTENT),
    ],
)
def test_the_header_alone(fields, kind, original):
    _, octets, message = build(entry(failed(), **fields), kind, original)
    returned = message.get_payload(2)
    assert returned.get_content_type() == "text/rfc822-headers"
    assert b"Subject: " in octets.rpartition(b"rfc822-headers")[2]
    assert b"Hello" not in octets
    assert len(octets) < 10_000


def test_delay():
    waiting = replace(failed(reply=Reply(451, "4.3.2", "busy")), status=RecipientStatus.PENDING)
    _, _, message = build(entry(waiting), Notify.DELAY)
    assert message["Subject"] == "Delayed Mail (still being retried)"
    words = message.get_payload(0).get_content()
    assert "YOU DO NOT NEED TO RESEND" in words
    assert "5 days old" in words
    first = groups(message)[1]
    assert (first["Action"], first["Status"]) == ("delayed", "4.3.2")
    until = email.utils.parsedate_to_datetime(first["Will-Retry-Until"])
    assert (until - NOW).total_seconds() == 432000 - 3600


@pytest.mark.parametrize(
    ("status", "action"),
    [
        (RecipientStatus.DELIVERED, "delivered"),
        (RecipientStatus.RELAYED, "relayed"),
        (RecipientStatus.EXPANDED, "expanded"),
    ],
)
def test_success(status, action):
    one = replace(failed(reply=Reply(250, "2.1.5", "ok")), status=status)
    _, _, message = build(entry(one), Notify.SUCCESS)
    assert groups(message)[1]["Action"] == action


def test_a_null_sender_is_never_answered():
    with pytest.raises(ValueError, match="null"):
        build(entry(failed(), sender=None))


def test_beyond_ascii():
    eight = MemoryContent("Subject: Grüße\r\n\r\nä\r\n".encode())
    of = entry(failed("δοκιμή@far.test"), sender="jürgen@home.test")
    sample, octets, message = build(of, original=eight)
    assert (sample.body, sample.utf8) == (Body.EIGHT_BIT, True)
    final = groups(message)[1]["Final-Recipient"]
    assert final == r"utf-8; \x{3B4}\x{3BF}\x{3BA}\x{3B9}\x{3BC}\x{3AE}@far.test"
    assert "δοκιμή@far.test" in message.get_payload(0).get_content()
    assert read_all(eight) in octets


def test_hostile_texts_stay_in_their_place():
    reply = Reply(550, "5.0.0", "x" * 5000 + " \r\nAction: delivered\r\n\r\nFinal-Recipient: me")
    original = OriginalRecipient("rfc822\r\nStatus: 2.0.0", "a\r\n\r\nb")
    _, _, message = build(entry(failed(reply=reply, original=original)))
    _, first = groups(message)
    assert (first["Action"], first["Status"]) == ("failed", "5.0.0")
    assert len(groups(message)) == 2


def test_a_header_without_end_is_cut():
    endless = MemoryContent(b"X-Long: y\r\n" * 20_000)
    _, octets, _ = build(entry(failed(), ret=Ret.HDRS), original=endless)
    assert len(octets) < 140_000


UTF8 = MemoryContent("Subject: Grüße\r\n\r\nHallo\r\n".encode())


@pytest.mark.parametrize(
    ("utf8", "fields", "report", "returned", "final"),
    [
        (True, {}, "global-delivery-status", "global", "utf-8; δοκιμή@far.test"),
        (
            True,
            {"ret": Ret.HDRS},
            "global-delivery-status",
            "global-headers",
            "utf-8; δοκιμή@far.test",
        ),
        (False, {}, "delivery-status", "rfc822", r"utf-8; \x{3B4}\x{3BF}\x{3BA}"),
    ],
)
def test_utf8(utf8, fields, report, returned, final):
    one = QueuedRecipient(
        recipient("δοκιμή@far.test"), RecipientStatus.FAILED, Reply(550, "5.1.1", "no")
    )
    _, octets, message = build(entry(one, utf8=utf8, **fields), original=UTF8)
    types = [part.get_content_type() for part in message.iter_parts()]
    assert types[1:] == [f"message/{report}", f"message/{returned}"]
    assert f"Final-Recipient: {final}".encode() in octets


def test_to_the_postmaster():
    lost = entry(failed(), sender=None)
    postmaster = Address.parse("postmaster@home.test")
    sample, content = build_notification(
        lost, Notify.FAILURE, lost.recipients, CONTENT, REPORTER, NOW, postmaster
    )
    assert sample.recipients[0].forward_path == postmaster
    assert (sample.reverse_path, dict(sample.extra)) == (None, {DOUBLE_BOUNCE: "yes"})
    assert b"Subject: Undelivered Mail without a Sender" in read_all(content)
    assert b"bob@far.test" in read_all(content)
