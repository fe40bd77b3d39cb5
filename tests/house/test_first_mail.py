# SPDX-License-Identifier: MIT
"""Mail through the whole house with the standard library's clients."""

from __future__ import annotations

import json
import smtplib
import ssl

import pytest

from tests.house.server import homemail, wait_for

pytestmark = [pytest.mark.slow, pytest.mark.loop]
LETTER = b"From: bob@home.test\r\nTo: alice@home.test\r\nSubject: hello\r\n\r\nHello, Alice.\r\n"


def submit(house, account: str, *recipients: str, content: bytes = LETTER, implicit=False):
    context = ssl.create_default_context(cafile=house.ready["certificate"])
    if implicit:
        client = smtplib.SMTP_SSL("home.test", house.port("submissions"), context=context)
    else:
        client = smtplib.SMTP("127.0.0.1", house.port("submission"), timeout=30)
        client._host = "home.test"  # the name in the certificate
        client.starttls(context=context)
    with client:
        client.login(account, house.password(account))
        return client.sendmail(f"{account}@home.test", recipients, content)


def test_a_member_writes_to_another(house):
    assert submit(house, "bob", "alice@home.test") == {}
    [message] = house.messages("alice")
    assert message.endswith(b"\r\n\r\nHello, Alice.\r\n")
    assert b"Return-Path: <bob@home.test>\r\n" in message
    assert b"Message-ID: " in message
    assert b"\r\nDate: " in message


def test_an_extension_reaches_its_user(house):
    house.send(LETTER, "alice+anything@home.test")
    [message] = house.messages("alice")
    assert message.endswith(LETTER)


def test_one_message_to_all_three(house):
    house.send(LETTER, "alice@home.test", "bob@home.test", "carol@home.test")
    for account in ("alice", "bob", "carol"):
        [message] = house.messages(account)
        assert message.endswith(LETTER)


def test_an_unknown_recipient_is_refused_at_rcpt(house):
    with smtplib.SMTP("127.0.0.1", house.port("smtp")) as client:
        client.ehlo("elsewhere.example")
        client.mail("ann@elsewhere.example")
        code, text = client.rcpt("nobody@home.test")
        assert (code, text[:5]) == (550, b"5.1.1")
        assert client.rcpt("alice@home.test")[0] == 250


def test_strangers_may_not_relay(house):
    with smtplib.SMTP("127.0.0.1", house.port("smtp")) as client:
        client.ehlo("elsewhere.example")
        client.mail("ann@elsewhere.example")
        code, text = client.rcpt("someone@third.example")
        assert (code, text[:5]) == (554, b"5.7.1")


def test_submission_wants_a_login(house):
    with smtplib.SMTP("127.0.0.1", house.port("submission")) as client:
        client.ehlo("elsewhere.example")
        code, text = client.mail("alice@home.test")
        if code == 250:
            code, text = client.rcpt("bob@home.test")
        assert (code, text[:5]) == (530, b"5.7.0")


def test_a_wrong_password_is_refused(house):
    with smtplib.SMTP("127.0.0.1", house.port("submission")) as client:
        with pytest.raises(smtplib.SMTPAuthenticationError) as refused:
            client.login("alice", "wrong")
        assert refused.value.smtp_code == 535


def test_a_sender_must_be_ones_own(house):
    with smtplib.SMTP("127.0.0.1", house.port("submission")) as client:
        client.login("alice", house.password("alice"))
        code, text = client.mail("bob@home.test")
        assert (code, text[:5]) == (553, b"5.7.1")


def test_mail_for_elsewhere_waits_in_the_queue(house):
    submit(house, "alice", "friend@elsewhere.example", content=LETTER.replace(b"bob@", b"alice@"))
    listed = house.command("queue", "list")
    assert "friend@elsewhere.example" in listed
    lines = house.command("queue", "list", "--json").splitlines()
    [entry] = [json.loads(line) for line in lines if "friend@elsewhere.example" in line]
    assert entry["sender"] == "alice@home.test"


def test_lmtp_answers_for_each_recipient(house):
    with smtplib.LMTP("127.0.0.1", house.port("lmtp")) as client:
        client.ehlo("elsewhere.example")
        client.mail("ann@elsewhere.example")
        assert client.rcpt("alice@home.test")[0] == 250
        assert client.rcpt("nobody@home.test")[0] == 550
        assert client.rcpt("bob@home.test")[0] == 250
        client.docmd("DATA")
        client.send(LETTER + b".\r\n")
        assert [client.getreply()[0] for _ in range(2)] == [250, 250]
    assert len(house.messages("alice")) == len(house.messages("bob")) == 1


def test_a_forward_reaches_another_account(house):
    forward = house.home("carol") / ".forward"
    forward.write_text("# to Bob, and keep one\n\\carol, bob@home.test\n")
    forward.chmod(0o600)
    try:
        house.send(LETTER, "carol@home.test")
        [kept] = house.messages("carol")
        assert kept.endswith(LETTER)
        wait_for(lambda: len(house.messages("bob")) == 1)
    finally:
        forward.unlink()


def test_a_program_gets_the_message(house):
    target = house.home("carol") / "caught"
    forward = house.home("carol") / ".forward"
    forward.write_text(f'"|cat > {target}.part && mv {target}.part {target}"\n')
    forward.chmod(0o600)
    try:
        house.send(LETTER, "carol@home.test")
        wait_for(target.exists)
        assert target.read_bytes().endswith(LETTER.replace(b"\r\n", b"\n"))
        assert house.messages("carol") == []
    finally:
        forward.unlink()


def test_accounts_are_listed(house):
    listed = house.command("account", "list")
    for account in ("alice", "bob", "carol"):
        assert account in listed


def test_a_new_account_can_be_used_at_once(house):
    done = homemail(
        "--directory", house.directory, "account", "add", "dora", "--stdin", input="dora-secret\n"
    )
    assert done.returncode == 0, done.stderr
    house.send(LETTER, "dora@home.test")
    house.ready["accounts"]["dora"] = {"password": "dora-secret", "home": ""}
    try:
        assert len(house.messages("dora")) == 1
    finally:
        del house.ready["accounts"]["dora"]
        house.command("account", "remove", "dora")
