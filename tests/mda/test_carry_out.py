# SPDX-License-Identifier: MIT
"""What a script decides, carried out."""

from __future__ import annotations

import email
import email.policy
import sqlite3
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from homemail.errors import Refused, StorageFull, Temporary
from homemail.mda.compose import Occasion, refusal, vacation_answer
from homemail.mda.ledger import DIRECTORY
from homemail.mda.vacation import reason_not_to_answer
from homemail.message.header import split_message
from homemail.message.mime import scan
from homemail.model.address import Address
from homemail.model.delivery import Deferred, Delivered, Rejected
from homemail.model.envelope import Notify, new_trace
from homemail.model.mailbox import MailboxName
from homemail.store.api import Actor
from homemail.store.memory import MemoryStore
from tests.mda.conftest import ALICE, MESSAGE, NOW, House

SCRIPT = ".homemail.sieve"


def test_fileinto(house: House) -> None:
    house.store.create(MailboxName.parse("Lists"), Actor(ALICE))
    house.write(SCRIPT, 'require "fileinto"; fileinto "Lists";')
    assert house.run() == Delivered("filed in Lists")
    assert len(house.filed("Lists")) == 1
    assert house.filed() == []


def test_fileinto_that_fails_keeps(house: House) -> None:
    house.write(SCRIPT, 'require "fileinto"; fileinto "Missing";')
    assert isinstance(house.run(), Delivered)
    assert len(house.filed()) == 1


def test_fileinto_create(house: House) -> None:
    house.write(SCRIPT, 'require ["fileinto", "mailbox"]; fileinto :create "New";')
    assert isinstance(house.run(), Delivered)
    assert len(house.filed("New")) == 1


def test_mailbox_in_trouble_defers_and_repeats_nothing(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.store.create(MailboxName.parse("A"), Actor(ALICE))
    house.store.create(MailboxName.parse("B"), Actor(ALICE))
    house.write(
        SCRIPT,
        'require "fileinto"; redirect "c@x.org"; fileinto "A"; fileinto "B";',
    )
    real = MemoryStore.append

    def append(self: MemoryStore, name: MailboxName, *rest: object) -> object:
        if str(name) == "B":
            raise StorageFull("full")
        return real(self, name, *rest)  # type: ignore[arg-type]

    delivery = house.delivery()
    with monkeypatch.context() as patch:
        patch.setattr(MemoryStore, "append", append)
        assert isinstance(house.run(delivery), Deferred)
    assert isinstance(house.run(delivery), Delivered)
    assert (len(house.filed("A")), len(house.filed("B"))) == (1, 1)
    assert house.queue.recipients() == ["c@x.org"]


def test_discard(house: House) -> None:
    house.write(SCRIPT, "discard;")
    assert house.run() == Delivered("discarded")
    assert house.filed() == []


def test_redirect_is_queued_before_delivered(house: House) -> None:
    house.write(SCRIPT, 'redirect "carol@x.org";')
    house.queue.failure = Temporary("the queue is full")
    delivery = house.delivery()
    assert isinstance(house.run(delivery), Deferred)
    house.queue.failure = None
    assert isinstance(house.run(delivery), Delivered)
    ((envelope, octets),) = house.queue.sent
    assert str(envelope.reverse_path) == "bob@x.org"
    assert octets == b"Delivered-To: alice@home.test\r\n" + MESSAGE
    assert house.filed() == []


def test_redirect_to_oneself_keeps(house: House) -> None:
    house.write(SCRIPT, 'redirect "Alice@home.test";')
    assert isinstance(house.run(), Delivered)
    assert len(house.filed()) == 1
    assert house.queue.sent == []


def test_redirect_that_never_works_keeps(house: House) -> None:
    house.write(SCRIPT, 'redirect "carol@x.org";')
    house.queue.failure = Refused("no")
    assert isinstance(house.run(), Delivered)
    assert len(house.filed()) == 1


@pytest.mark.parametrize("text", ["nonsense", 'fileinto "x";', "\xff"])
def test_script_with_errors_keeps(house: House, text: str) -> None:
    (house.home / SCRIPT).write_bytes(text.encode("latin-1"))
    assert house.run() == Delivered("filed in INBOX")


def test_script_is_read_again_when_it_changes(house: House) -> None:
    house.write(SCRIPT, "discard;")
    house.run()
    house.write(SCRIPT, "keep;   ")
    house.run()
    assert len(house.filed()) == 1


def test_script_by_link(house: House, tmp_path: Path) -> None:
    (house.home / "sieve").mkdir()
    house.write("sieve/work.sieve", "discard;")
    (house.home / SCRIPT).symlink_to("sieve/work.sieve")
    assert house.run() == Delivered("discarded")
    (tmp_path / "outside").write_text("discard;")
    (house.home / SCRIPT).unlink()
    for target in (tmp_path / "outside", house.home / "nowhere", house.home / SCRIPT):
        (house.home / SCRIPT).symlink_to(target)
        assert house.run() == Delivered("filed in INBOX")
        (house.home / SCRIPT).unlink()


def test_script_that_others_may_write_does_not_count(house: House) -> None:
    house.write(SCRIPT, "discard;", 0o622)
    assert house.run() == Delivered("filed in INBOX")


def test_forward_and_script(house: House) -> None:
    house.write(SCRIPT, "discard;")
    house.write(".forward", "carol")
    house.run()
    house.write(".forward", "carol, \\alice")
    house.run()
    assert house.queue.recipients() == ["carol@home.test"] * 2
    assert house.filed() == []


def test_reject_by_the_reply(house: House) -> None:
    house.write(SCRIPT, 'require "reject"; reject text:\nNot today.\nGo away.\n.\n;')
    result = house.run(house.delivery(sender_waits=True, alone=True))
    assert isinstance(result, Rejected)
    assert (result.reply.code, result.reply.text) == (550, "Not today.\nGo away.")
    assert house.queue.sent == []


def test_reject_by_a_notice(house: House) -> None:
    house.write(SCRIPT, 'require "reject"; reject "Nein, ich möchte nicht";')
    for delivery in (house.delivery(), house.delivery(sender_waits=True, alone=True)):
        house.queue.sent.clear()
        assert house.run(delivery) == Delivered("refused, the sender is told")
        ((envelope, octets),) = house.queue.sent
        assert envelope.reverse_path is None
        assert [str(r.forward_path) for r in envelope.recipients] == ["bob@x.org"]
        report = email.message_from_bytes(octets, policy=email.policy.default)
        assert report.get_content_type() == "multipart/report"
        text, notice, header = report.iter_parts()
        assert "Nein, ich möchte nicht" in text.get_content()
        assert b"automatic-action/MDN-sent-automatically; deleted" in notice.as_bytes()
        assert b"Subject: hi" in header.as_bytes()
        assert scan(octets).children[1].subtype == b"disposition-notification"
    assert house.filed() == []


def test_reject_of_the_null_sender_tells_nobody(house: House) -> None:
    house.write(SCRIPT, 'require "reject"; reject "no";')
    assert house.run(house.delivery(sender=None)) == Delivered("refused")
    assert house.queue.sent == []


def test_ereject_is_always_a_reply(house: House) -> None:
    house.write(SCRIPT, 'require "ereject"; ereject "Nein, möchte nicht";')
    result = house.run()
    assert isinstance(result, Rejected)
    assert result.reply.text.isascii()


VACATION = 'require "vacation"; vacation "Away.";'


def test_vacation_answers_once(house: House) -> None:
    house.write(SCRIPT, VACATION)
    message = b"Message-ID: <1@x.org>\r\nReferences: <0@x.org>\r\n" + MESSAGE
    house.run(message=message)
    house.run(message=message)
    assert len(house.filed()) == 2
    ((envelope, octets),) = house.queue.sent
    assert envelope.reverse_path is None
    assert envelope.recipients[0].notify == Notify.NEVER
    answer = email.message_from_bytes(octets, policy=email.policy.default)
    assert answer["To"] == "bob@x.org"
    assert answer["From"] == "alice@home.test"
    assert answer["Subject"] == "Auto: hi"
    assert answer["Auto-Submitted"].startswith("auto-replied")
    assert answer["In-Reply-To"] == "<1@x.org>"
    assert answer["References"] == "<0@x.org> <1@x.org>"
    assert answer.get_content().strip() == "Away."
    assert house.home.joinpath(*DIRECTORY, "vacation.sqlite").stat().st_mode & 0o777 == 0o600
    house.rebuild()
    house.now = NOW + timedelta(days=6)
    house.run()
    assert len(house.queue.sent) == 1
    house.now = NOW + timedelta(days=8)
    house.run()
    assert len(house.queue.sent) == 2


def test_vacation_answers_others_and_other_answers(house: House) -> None:
    house.write(SCRIPT, VACATION)
    house.run()
    house.run(house.delivery(sender="carol@x.org"))
    house.write(SCRIPT, 'require "vacation"; vacation "Still away.";')
    house.run()
    assert house.queue.recipients() == ["bob@x.org", "carol@x.org", "bob@x.org"]


def test_vacation_that_cannot_be_sent_may_answer_later(house: House) -> None:
    house.write(SCRIPT, VACATION)
    house.queue.failure = StorageFull("full")
    assert isinstance(house.run(), Delivered)
    house.queue.failure = None
    house.run()
    assert house.queue.recipients() == ["bob@x.org"]


def test_vacation_memory_of_a_newer_version(house: House) -> None:
    path = house.home.joinpath(*DIRECTORY, "vacation.sqlite")
    path.parent.mkdir(parents=True)
    with sqlite3.connect(path) as ledger:
        ledger.execute("PRAGMA user_version = 99")
    house.write(SCRIPT, VACATION)
    assert isinstance(house.run(), Delivered)
    assert house.queue.sent == []


OWN = ("alice@home.test",)
BOB = Address.parse("bob@x.org")


@pytest.mark.parametrize(
    ("sender", "more", "reason"),
    [
        ("bob@x.org", b"", None),
        (None, b"", "the null sender"),
        ("MAILER-DAEMON@x.org", b"", "the sender is a machine"),
        ("list-request@x.org", b"", "the sender is a machine"),
        ("owner-list@x.org", b"", "the sender is a machine"),
        ("postmaster@x.org", b"", None),
        ("Alice@home.test", b"", "the owner himself"),
        ("bob@x.org", b"Auto-Submitted: auto-generated\r\n", "sent automatically"),
        ("bob@x.org", b"Auto-Submitted: No (really)\r\n", None),
        ("bob@x.org", b"List-Id: <l.x.org>\r\n", "from a mailing list"),
        ("bob@x.org", b"Precedence: bulk\r\n", "precedence"),
    ],
)
def test_who_gets_no_answer(sender: str | None, more: bytes, reason: str | None) -> None:
    header = more + b"To: x@y, g: Alice <ALICE@home.test>;\r\n\r\n"
    path = Address.parse(sender) if sender else None
    assert reason_not_to_answer(header, path, OWN) == reason


def test_answers_only_what_is_addressed_to_the_owner() -> None:
    assert reason_not_to_answer(b"To: all@home.test\r\n\r\n", BOB, OWN) is not None
    assert reason_not_to_answer(b"Resent-Cc: alice@home.test\r\n\r\n", BOB, OWN) is None


HOSTILE_HEADER = (
    b"Subject: =?utf-8?q?a=0d=0aBcc:_x@y?=\r\n"
    b"Message-ID: <" + b"a" * 5000 + b"@x>\r\nReferences: <a\xff> <ok@x>\r\n\r\n"
)
OCCASION = Occasion(Address.parse("alice@home.test"), BOB, HOSTILE_HEADER, NOW, new_trace())


def test_answer_to_a_hostile_header() -> None:
    octets = vacation_answer(OCCASION, "ü\n" * 3, subject=None, header_from=None, mime=False)
    header = octets[: split_message(octets)]
    assert b"\r\nBcc" not in header
    assert header.isascii()
    answer = email.message_from_bytes(octets, policy=email.policy.default)
    assert answer.get_content() == "ü\r\n" * 3
    assert answer["In-Reply-To"] is None
    refused = refusal(OCCASION, "no\r\n--boundary--\r\n")
    assert scan(refused).children[2].subtype == b"rfc822-headers"


def test_answer_that_is_a_mime_entity() -> None:
    reason = "Content-Type: text/html\nBcc: x@y\n\n<b>Away</b>\n"
    octets = vacation_answer(
        OCCASION, reason, subject="Grüße", header_from="A <a@home.test>", mime=True
    )
    answer = email.message_from_bytes(octets, policy=email.policy.default)
    assert (answer["Subject"], answer["From"]) == ("Grüße", "A <a@home.test>")
    assert answer["Bcc"] is None
    assert answer.get_content_type() == "text/html"
    assert octets.endswith(b"\r\n\r\n<b>Away</b>\r\n")


def test_occasion_without_ids() -> None:
    plain = replace(OCCASION, header=b"\r\n")
    octets = vacation_answer(plain, "x", subject=None, header_from=None, mime=False)
    assert b"Subject: Automated reply\r\n" in octets
