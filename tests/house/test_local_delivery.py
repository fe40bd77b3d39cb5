# SPDX-License-Identifier: MIT
"""What people write into their homes, on a running server: forwards, lists, programs, Sieve."""

from __future__ import annotations

import re
import smtplib

import pytest

from tests.house.server import wait_for
from tests.house.test_first_mail import LETTER, submit

pytestmark = [pytest.mark.slow, pytest.mark.loop]

ACCOUNTS = ("alice", "bob", "carol")


@pytest.fixture
def write(house):
    """A function that writes a file into somebody's home; all are removed at the end."""
    made = []

    def write(account: str, name: str, text: str, mode: int = 0o600):
        path = house.home(account) / name
        path.write_text(text)
        path.chmod(mode)
        made.append(path)
        return path

    yield write
    for path in made:
        path.unlink(missing_ok=True)


def subjects(messages: list[bytes]) -> list[str]:
    return [
        found[1].decode() for m in messages if (found := re.search(rb"^Subject: (.*)\r", m, re.M))
    ]


def waiting(house) -> str:
    return house.command("queue", "list")


def test_forward_to_people_and_a_file(house, write):
    """Nobody but the targets gets a copy; one's own name keeps one and makes no loop."""
    write("alice", ".forward", "bob\ncarol\n~/copies\n# dave\n")
    house.send(LETTER)
    wait_for(lambda: house.messages("bob") and house.messages("carol"))
    copies = house.home("alice") / "copies"
    assert copies.read_bytes().count(b"\nSubject: hello\n") == 1
    assert house.messages("alice") == []
    write("alice", ".forward", "\\alice, bob")
    house.send(LETTER)
    wait_for(lambda: len(house.messages("bob")) == 2)
    assert len(house.messages("alice")) == 1
    copies.unlink()


def test_extension_with_several_addresses_is_a_list(house, write):
    write("alice", ".forward+cats", "bob\ncarol\nBOB\nalice\ndave@third.example\n")
    house.send(LETTER, "alice+cats@home.test")
    wait_for(lambda: all(house.messages(account) for account in ACCOUNTS))
    [copy] = house.messages("bob")
    head = copy.partition(b"\r\n\r\n")[0].decode()
    names = [
        "Return-Path: <alice@",
        "Delivered-To: bob@home.test",
        "Delivered-To: alice+cats@home.test",
    ]
    places = [head.index(name) for name in (*names, "List-Id: <cats.alice.home.test>")]
    assert places == sorted(places)
    assert "List-Unsubscribe: <mailto:alice@home.test?subject=unsubscribe%20cats>" in head
    [own] = house.messages("alice")
    assert b"List-Post: <mailto:alice+cats@home.test>" in own
    assert re.search(r"alice@home\.test\s.*dave@third\.example", waiting(house), re.DOTALL)


def test_people_join_a_list_by_mail(house, write):
    path = write("alice", ".forward+club", "# list: The club\n# subscribe\ncarol\n")
    ask = b"From: bob@home.test\r\nTo: alice+club-request@home.test\r\nSubject: %s\r\n\r\n\r\n"
    submit(house, "bob", "alice+club-request@home.test", content=ask % b"subscribe")
    wait_for(lambda: house.messages("bob"))
    [answer] = house.messages("bob")
    assert b"\r\nAuto-Submitted: auto-replied" in answer
    [subject] = subjects([answer])
    confirm = ask % f"Re: {subject}".encode()
    submit(house, "bob", "alice+club-request@home.test", content=confirm)
    wait_for(lambda: len(house.messages("bob")) == 2)
    assert path.read_text().endswith("carol\nbob@home.test\n")
    assert subjects(house.messages("alice")) == ["club: bob@home.test joined"]
    house.send(LETTER, "alice+club@home.test")
    wait_for(lambda: len(house.messages("bob")) == 3)
    assert b"List-Id: The club <club.alice.home.test>" in house.messages("bob")[2]


def test_program_of_an_extension_gets_the_message_as_it_was(house, write):
    write("alice", ".forward+spam", '"|cat >learnt; env >learnt.env"')
    house.send(LETTER, "alice+spam@home.test")
    learnt = house.home("alice") / "learnt"
    wait_for(lambda: learnt.exists() and "Hello, Alice" in learnt.read_text())
    variables = house.home("alice") / "learnt.env"
    wait_for(lambda: variables.exists() and "EXTENSION=spam\n" in variables.read_text())
    assert learnt.read_bytes().endswith(LETTER.replace(b"\r\n", b"\n"))
    assert learnt.read_bytes().startswith(b"From ann@elsewhere.example  ")
    assert house.messages("alice") == []


def test_missing_program_makes_the_message_wait(house, write):
    write("carol", ".forward", "|/no/such/program")
    house.send(LETTER, "carol@home.test")
    wait_for(lambda: "/no/such/program: not found" in waiting(house))
    assert house.messages("carol") == []


def test_failing_program_is_told_once_with_its_output(house, write):
    write("carol", ".forward", "|echo 'illegal option -- x' >&2; exit 69")
    submit(house, "bob", "carol@home.test")
    wait_for(lambda: house.messages("bob"))
    [report] = house.messages("bob")
    text = b" ".join(report.split())
    assert b"service unavailable. Command output: illegal option -- x" in text
    with smtplib.SMTP("127.0.0.1", house.port("smtp")) as client:
        client.sendmail("", ["carol@home.test"], LETTER)
    wait_for(lambda: "status=bounced" in house.log().rpartition("sender notification")[2])
    assert len(house.messages("bob")) == 1
    assert house.messages("carol") == []


def test_forward_that_others_may_write_is_absent(house, write):
    write("alice", ".forward", "bob", 0o666)
    house.send(LETTER)
    assert len(house.messages("alice")) == 1
    assert "others may write to it" in house.log()


def test_forward_loop_ends(house, write):
    write("alice", ".forward", "bob")
    write("bob", ".forward", "alice")
    submit(house, "carol", "alice@home.test")
    wait_for(lambda: house.messages("carol"))
    assert b"Mail forwarding loop for alice@home.test" in b" ".join(
        house.messages("carol")[0].split()
    )


def test_vacation_guards(house, write):
    write(
        "alice",
        ".homemail.sieve",
        'require ["vacation", "variables"]; if header :matches "subject" "*" { set "s" "${1}"; }'
        'vacation :days 1 :subject "Re: ${s}" "Out of the office until 1/4";',
    )
    letter = b"Message-ID: <1@home.test>\r\n" + LETTER
    for content in (letter, letter, letter.replace(b"Subject", b"List-Id: <x.y>\r\nSubject")):
        submit(house, "bob", "alice@home.test", content=content)
    with smtplib.SMTP("127.0.0.1", house.port("smtp")) as client:
        client.sendmail("mailer-daemon@home.test", ["alice@home.test"], letter)
    assert len(house.messages("alice")) == 4
    wait_for(lambda: house.messages("bob"))
    [answer] = house.messages("bob")
    assert b"Subject: Re: hello\r\n" in answer
    assert b"In-Reply-To: <1@home.test>\r\n" in answer
    assert b"Return-Path: <>\r\n" in answer
    assert b"Out of the office until 1/4" in answer


def test_reject_in_the_dialogue_where_the_recipient_is_alone(house, write):
    write("alice", ".homemail.sieve", 'require "reject"; reject "Not today";')
    with pytest.raises(smtplib.SMTPDataError) as refused:
        house.send(LETTER)
    assert refused.value.smtp_code == 550
    assert b"Not today" in refused.value.smtp_error
    submit(house, "bob", "alice@home.test", "carol@home.test")
    wait_for(lambda: house.messages("bob"))
    assert b"Not today" in house.messages("bob")[0]
    assert len(house.messages("carol")) == 1


def test_script_that_cannot_be_read_keeps_delivering(house, write):
    write("alice", ".homemail.sieve", 'require "fileinto";\nfileintoo "x";\n')
    house.send(LETTER)
    house.send(LETTER)
    wait_for(lambda: len(house.messages("alice")) == 3)
    [note] = [m for m in house.messages("alice") if b"Your mail filter has mistakes" in m]
    assert b'line 2, column 1: unknown command "fileintoo"; did you mean "fileinto"?' in note


def test_the_sample_of_the_book(house, write):
    """A procmail file of the book, as the same rules in Sieve."""
    write(
        "alice",
        ".homemail.sieve",
        """require ["fileinto", "copy", "envelope", "mailbox"];
fileinto :copy :create "messages";
if anyof (address :contains "from" "guitar-list", envelope :contains "from" "guitar-list") {
    redirect :copy "bob@home.test";
    fileinto :create "guitars";
    stop;
}
if header :contains "subject" "network" { discard; stop; }
""",
    )
    house.send(LETTER, sender="guitar-list@elsewhere.example")
    house.send(LETTER.replace(b"hello", b"the network"))
    house.send(LETTER)
    wait_for(lambda: house.messages("bob"))
    assert len(house.messages("alice", "messages")) == 3
    assert len(house.messages("alice", "guitars")) == 1
    assert len(house.messages("alice")) == 1


def test_mailbox_command(new_house):
    """It gets what the shell cannot misread, and a broken one makes no notifications of its own."""
    settings = (
        """mailbox_command = 'cat >"$HOME/got-$EXTENSION"; test "$SENDER" != carol@home.test'\n"""
    )
    house = new_house(settings=settings).start()
    house.send(LETTER, '"alice+a`b"@home.test')
    got = house.home("alice") / "got-a_b"
    wait_for(lambda: got.exists() and "Hello, Alice" in got.read_text())
    assert house.messages("alice") == []
    (house.home("bob") / ".homemail.sieve").write_text("keep;")
    house.send(LETTER, "bob@home.test")
    assert len(house.messages("bob")) == 1
    submit(house, "carol", "alice@home.test")
    wait_for(lambda: "Command died with status 1" in waiting(house))


def test_mailbox_transport(house, new_house):
    """Another server keeps the mailboxes; forwarding files are read here."""
    settings = f'mailbox_transport = "lmtp:[127.0.0.1]:{house.port("lmtp")}"\n'
    front = new_house(settings=settings).start()
    (front.home("bob") / ".forward").write_text("\\bob, carol\n")
    front.send(LETTER, "alice+x@home.test", "bob@home.test")

    def letters(of, account: str) -> list[bytes]:
        return [message for message in of.messages(account) if message.endswith(LETTER)]

    wait_for(lambda: all(letters(house, account) for account in ACCOUNTS))
    [message] = letters(house, "alice")
    assert b"Return-Path: <ann@elsewhere.example>\r\n" in message
    assert not any(letters(front, account) for account in ACCOUNTS)
