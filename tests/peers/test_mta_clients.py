# SPDX-License-Identifier: MIT
"""Postfix, Exim and smtp-source hand us mail: TLS, CHUNKING, DSN, SMTPUTF8, sizes, load."""

from __future__ import annotations

import re
import smtplib
import subprocess
from dataclasses import replace

import pytest

from homemail.model.envelope import Body, Notify, Ret
from tests.mta.smtp_server import SETTINGS
from tests.peers.daemon import find, wait_for
from tests.peers.exim import Exim
from tests.peers.postfix import Postfix

pytestmark = [pytest.mark.slow, pytest.mark.real]

LETTER = (
    b"From: ann@out.example\r\nTo: alice@home.test\r\nSubject: by a peer\r\n\r\n.dot\r\nend\r\n"
)


@pytest.fixture
def port(listening, house, tls_context):
    house.ssl_context = tls_context
    house.settings = replace(SETTINGS, message_size_limit=100_000)
    return listening.listen()


@pytest.fixture
def postfix(base, port):
    peer = Postfix(base / "postfix", f"relayhost = [127.0.0.1]:{port}")
    yield peer
    peer.stop()


def through(
    postfix: Postfix, content: bytes = LETTER, sender="ann@out.example", *, mail=(), rcpt=()
):
    """Hand ``content`` to Postfix for alice."""
    with smtplib.SMTP("127.0.0.1", postfix.port, timeout=60) as client:
        client.ehlo("client.example")
        assert client.mail(sender, list(mail))[0] == 250
        assert client.rcpt("alice@home.test", list(rcpt))[0] == 250
        assert client.data(content)[0] == 250


def test_postfix_over_tls(postfix, house):
    through(postfix)
    line = postfix.wait_log("status=")
    assert re.search(r"status=sent \(250 2\.0\.0 Ok: queued as \w+\)", line), postfix.log()
    [message] = house.messages
    assert message.endswith(b"\r\n\r\n.dot\r\nend\r\n")
    assert b"with ESMTPS id" in message.partition(b"Received:")[2].partition(b"Received:")[0]


def test_postfix_hands_dsn_over(postfix, house):
    through(
        postfix,
        mail=("RET=HDRS", "ENVID=QQ314159"),
        rcpt=("NOTIFY=SUCCESS,FAILURE", "ORCPT=rfc822;Ann@orig.example"),
    )
    assert "status=sent" in postfix.wait_log("status=")
    [(delivery, _)] = house.deliver.filed
    assert (delivery.envelope.ret, delivery.envelope.envelope_id) == (Ret.HDRS, "QQ314159")
    assert delivery.recipient.notify == Notify.SUCCESS | Notify.FAILURE
    assert delivery.recipient.original.text == "Ann@orig.example"


def test_postfix_hands_internationalized_mail_over(postfix, house):
    letter = "Subject: grüße\r\n\r\nläuft\r\n".encode()
    with smtplib.SMTP("127.0.0.1", postfix.port, timeout=60) as client:
        client.ehlo("client.example")
        client.sendmail(
            "jürgen@out.example", "alice@home.test", letter, ["SMTPUTF8", "BODY=8BITMIME"]
        )
    assert "status=sent" in postfix.wait_log("status=")
    [(delivery, octets)] = house.deliver.filed
    assert delivery.envelope.utf8
    assert str(delivery.envelope.reverse_path) == "jürgen@out.example"
    assert "läuft".encode() in octets
    assert b"with UTF8SMTPS id" in octets


def test_postfix_returns_what_is_too_large(postfix, house):
    through(postfix, LETTER + b"x" * 70 + b"\r\n" + b"y" * 200_000 + b"\r\n")
    assert "status=bounced (message size" in postfix.wait_log("status=")
    assert house.messages == []


def test_postfix_hears_why(postfix, house):
    with smtplib.SMTP("127.0.0.1", postfix.port, timeout=60) as client:
        client.sendmail("ann@out.example", ["nobody@home.test", "alice@home.test"], LETTER)
    line = postfix.wait_log("to=<nobody@home.test>")
    assert "status=bounced" in line
    assert "said: 550 5.1.1 <nobody@home.test>: Recipient address rejected" in line
    assert "status=sent" in postfix.wait_log("to=<alice@home.test>")
    assert len(house.messages) == 1


def test_exim_by_chunks_over_tls(base, port, house):
    log = Exim(base / "exim", port).send(
        LETTER.replace(b"\r\n", b"\n"), "ann@out.example", "alice@home.test"
    )
    assert "=> alice@home.test" in log, log
    assert " K " in log, "not by CHUNKING"
    assert "X=TLS" in log, "not over TLS"
    [message] = house.messages
    assert message.endswith(b"\r\n\r\n.dot\r\nend\r\n")


def test_exim_dsn_and_refusal(base, port, house):
    exim = Exim(base / "exim", port)
    letter = LETTER.replace(b"\r\n", b"\n")
    log = exim.send(letter, "ann@out.example", "nobody@home.test")
    assert "** nobody@home.test" in log, log
    assert "550 5.1.1 <nobody@home.test>" in log
    assert house.messages == []


def test_smtp_source_as_load(port, house):
    command = find("smtp-source")
    subprocess.run(
        [command, "-s", "10", "-m", "100", "-l", "4000", "-f", "ann@out.example",
         "-t", "alice@home.test", f"127.0.0.1:{port}"],
        check=True, timeout=60,
    )  # fmt: skip
    wait_for("100 messages", lambda: len(house.messages) == 100)
    assert {delivery.envelope.body for delivery, _ in house.deliver.filed} <= set(Body)
