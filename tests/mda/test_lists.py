# SPDX-License-Identifier: MIT
"""Lists of an owner: who is one, what goes out, joining and leaving."""

from __future__ import annotations

import email
import re
from datetime import timedelta
from email.message import Message

import pytest

from homemail.mda.list_file import ListFacts, read_list, with_member, without_member
from homemail.model.address import Address
from homemail.model.delivery import Delivered, NeedsQueue, Rejected
from homemail.model.envelope import Notify, OriginalRecipient, Recipient
from tests.mda.conftest import ALICE, MESSAGE, House

LIST = "alice+football@home.test"
REQUEST = "alice+football-request@home.test"


@pytest.mark.parametrize(
    ("text", "facts"),
    [
        ("bob@x.org", None),
        ("bob", None),
        ("", None),
        ("|/bin/prog", None),
        ("\\alice, bob", None),
        ("\\alice@home.test\nbob", None),
        ("bob, bob@home.test", None),
        ("alice, bob", ListFacts("", False)),
        ("bob\ncarol", ListFacts("", False)),
        (":include:~/people", ListFacts("", False)),
        ("# list", ListFacts("", False)),
        ("# list: The club\nbob", ListFacts("The club", False)),
        ("#LIST The club\n# subscribe\nbob", ListFacts("The club", True)),
        ("# people\n# list: no\nbob", None),
        ("# subscribe\nbob", None),
        ("# list\nbob\n# subscribe", ListFacts("", False)),
        ("# listen\nbob", None),
    ],
)
def test_what_is_a_list(text: str, facts: ListFacts | None) -> None:
    assert read_list(text, "home.test") == facts


def test_members_come_and_go() -> None:
    bob = Address.parse("bob@x.org")
    text = with_member("# list\ncarol", bob)
    assert text == "# list\ncarol\nbob@x.org\n"
    assert without_member(text, bob, "home.test") == "# list\ncarol\n"
    mixed = '# bob@x.org\ncarol, Bob <BOB@x.org>, "|prog a,b"\n:include:x\n'
    expected = '# bob@x.org\ncarol, "|prog a,b"\n:include:x\n'
    assert without_member(mixed, bob, "home.test") == expected


def sent_fields(house: House) -> Message:
    ((_, octets),) = house.queue.sent
    return email.message_from_bytes(octets)


def test_one_copy_each_from_the_owner(house: House) -> None:
    house.write(".forward+football", "# list: Fußball\nbob@x.org, carol\n:include:~/people\nalice")
    house.write("people", "CAROL\ndave@y.org\n")
    delivery = house.delivery("Alice+Football@home.test")
    to = Recipient(delivery.recipient.forward_path, OriginalRecipient("rfc822", "x"), Notify.NEVER)
    delivery = type(delivery)("1", ALICE, "Football", to, delivery.envelope)
    other = b"List-Id: <other.x.org>\r\nlist-post: <mailto:o@x.org>\r\nX-A: 1\r\n" + MESSAGE
    assert isinstance(house.run(delivery, other), Delivered)
    ((envelope, octets),) = house.queue.sent
    assert house.queue.recipients() == ["bob@x.org", "carol@home.test", "dave@y.org"]
    assert envelope.reverse_path == Address.parse("Alice@home.test")
    assert all(one.original is None for one in envelope.recipients)
    assert all(one.notify == Notify.FAILURE | Notify.DELAY for one in envelope.recipients)
    assert octets.startswith(b"Delivered-To: alice+football@home.test\r\nList-Id: ")
    assert octets.endswith(b"X-A: 1\r\n" + MESSAGE)
    fields = sent_fields(house)
    assert len(fields.get_all("List-Id", [])) == 1
    assert fields["List-Id"] == "=?utf-8?q?Fu=C3=9Fball?= <football.alice.home.test>"
    assert fields["List-Post"] == "<mailto:alice+football@home.test>"
    assert fields["List-Unsubscribe"] == "<mailto:Alice@home.test?subject=unsubscribe%20football>"
    assert fields["List-Subscribe"] is None
    (own,) = house.filed()
    assert own.startswith(b"Return-Path: <Alice@home.test>\r\nDelivered-To: alice+football@")
    assert b"List-Id" in own


def test_a_single_address_is_an_ordinary_forward(house: House) -> None:
    house.write(".forward+football", "bob@x.org")
    house.run(house.delivery(LIST))
    ((envelope, octets),) = house.queue.sent
    assert envelope.reverse_path == Address.parse("bob@x.org")
    assert b"List-Id" not in octets


def test_no_loop(house: House) -> None:
    house.write(".forward+football", "# list\nbob@x.org")
    back = b"list-ID: the club\r\n <football.alice.HOME.test>\r\n" + MESSAGE
    result = house.run(house.delivery(LIST), back)
    assert isinstance(result, Rejected)
    assert result.reply.status == "5.4.6"
    result = house.run(house.delivery(LIST), b"Delivered-To: " + LIST.encode() + b"\r\n" + MESSAGE)
    assert isinstance(result, Rejected)
    assert house.queue.sent == []


def test_notifications_and_answers_are_for_the_owner(house: House) -> None:
    house.write(".forward+football", "# list\nbob@x.org")
    house.run(house.delivery(LIST, sender=None))
    house.run(house.delivery(LIST), b"Auto-Submitted: auto-replied (vacation)\r\n" + MESSAGE)
    assert house.queue.sent == []
    assert len(house.filed()) == 2
    house.run(house.delivery(LIST), b"Auto-Submitted: auto-generated\r\n" + MESSAGE)
    assert house.queue.recipients() == ["bob@x.org"]


def test_a_list_may_have_an_archive(house: House) -> None:
    house.write(".forward+football", "# list\nbob@x.org\n~/archive\n|cat >prog")
    assert house.run(house.delivery(LIST, sender_waits=True)) == NeedsQueue()
    assert isinstance(house.run(house.delivery(LIST)), Delivered)
    for name in ("archive", "prog"):
        text = (house.home / name).read_text()
        assert text.startswith("From alice@home.test  ")
        assert "\nList-Id: <football.alice.home.test>\n" in text


# joining and leaving


class Writer:
    """Somebody who writes to the request address and reads what comes back."""

    def __init__(self, house: House, address: str) -> None:
        self.house, self.address = house, address

    def write(self, subject: str, *, more: str = "", body: str = "") -> Message | None:
        """Return the answer, if there is one."""
        self.house.queue.sent.clear()
        text = f"From: X <{self.address}>\nTo: {REQUEST}\nSubject: {subject}\n{more}\n{body}\n"
        delivery = self.house.delivery(REQUEST, sender=self.address)
        result = self.house.run(delivery, text.replace("\n", "\r\n").encode())
        assert isinstance(result, Delivered), result
        if not self.house.queue.sent:
            return None
        ((envelope, octets),) = self.house.queue.sent
        assert envelope.reverse_path is None
        assert self.house.queue.recipients() == [self.address]
        return email.message_from_bytes(octets)


@pytest.fixture
def club(house: House) -> House:
    house.write(".forward+football", "# list\n# subscribe\ncarol\n:include:~/people\n")
    house.write("people", "dave@y.org\n", 0o640)
    return house


def test_join_and_leave_with_confirmation(club: House) -> None:
    bob = Writer(club, "bob@x.org")
    people = club.home / "people"
    asked = bob.write("Subscribe me")
    assert asked is not None
    assert asked["From"] == REQUEST
    assert asked["Auto-Submitted"].startswith("auto-replied")
    assert people.read_text() == "dave@y.org\n"
    club.rebuild()
    done = bob.write(f"Re: {asked['Subject']}")
    assert done is not None
    assert done["Subject"] == "football: you have joined"
    assert people.read_text() == "dave@y.org\nbob@x.org\n"
    assert people.stat().st_mode & 0o777 == 0o640
    assert any(b"Subject: football: bob@x.org joined" in note for note in club.filed())
    again = bob.write(f"Re: {asked['Subject']}")
    assert again is not None
    assert "are on" in again.get_payload()
    asked = bob.write("", body="  \nleave please")
    assert asked is not None
    assert bob.write(f"AW: {asked['Subject']}") is not None
    assert people.read_text() == "dave@y.org\n"
    assert sorted(club.home.glob(".people*")) == []


def test_without_an_include_the_file_itself_is_written(house: House) -> None:
    house.write(".forward+football", "# list\n# subscribe\n")
    bob = Writer(house, "bob@x.org")
    asked = bob.write("join")
    assert asked is not None
    bob.write(asked["Subject"])
    assert (house.home / ".forward+football").read_text() == "# list\n# subscribe\nbob@x.org\n"


def test_only_the_one_who_got_the_word_can_confirm(club: House) -> None:
    asked = Writer(club, "bob@x.org").write("subscribe")
    assert asked is not None
    subject = asked["Subject"]
    mallory = Writer(club, "mallory@x.org")
    answer = mallory.write(subject)
    assert answer is not None
    assert answer["Subject"] == "football: not confirmed"
    assert "unsubscribe" not in subject
    mallory.write(subject.replace("subscribe", "unsubscribe"))
    other = re.sub(r"[0-9a-f]$", lambda found: "0" if found[0] != "0" else "1", subject)
    Writer(club, "bob@x.org").write(other)
    club.now += timedelta(days=5)
    Writer(club, "bob@x.org").write(subject)
    assert (club.home / "people").read_text() == "dave@y.org\n"


def test_help_and_no_flood(club: House) -> None:
    bob = Writer(club, "bob@x.org")
    answer = bob.write("Hello?")
    assert answer is not None
    assert LIST in answer.get_payload()
    assert bob.write("Hello again") is None
    club.now += timedelta(hours=2)
    assert bob.write("Hello again") is not None


@pytest.mark.parametrize("more", ["Auto-Submitted: auto-replied\n", "Precedence: bulk\n"])
def test_machines_get_no_answer(club: House, more: str) -> None:
    assert Writer(club, "bob@x.org").write("subscribe", more=more) is None
    assert Writer(club, "mailer-daemon@x.org").write("subscribe") is None
    assert Writer(club, LIST).write("subscribe") is None


def test_a_list_that_is_not_open_has_no_request_address(house: House) -> None:
    house.write(".forward+football", "# list\ncarol")
    assert house.run(house.delivery(REQUEST)) == Delivered("filed in INBOX")


def test_odd_addresses_are_not_written(club: House) -> None:
    odd = Writer(club, "|id@x.org")
    answer = odd.write("subscribe")
    assert answer is not None
    assert answer["Subject"] == "football: help"
