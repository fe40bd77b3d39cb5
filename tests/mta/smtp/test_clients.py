# SPDX-License-Identifier: MIT
"""Real clients talk to the server."""

from __future__ import annotations

import os
import shutil
import smtplib
import subprocess

import pytest

from homemail.model.envelope import Notify
from homemail.mta.transaction import Service


def run(*words: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    """Run a program of Debian's; the test is passed over where it is missing."""
    if shutil.which(words[0]) is None:
        pytest.skip(f"{words[0]} is not installed")
    environment = {key: value for key, value in os.environ.items() if "proxy" not in key.lower()}
    return subprocess.run(
        words, input=stdin, capture_output=True, timeout=30, check=False, env=environment
    )


def test_smtplib_sends(listening, house):
    port = listening.listen(Service.SMTP)
    message = "Subject: hello\r\n\r\n.dot\r\nbye\r\n"
    with smtplib.SMTP("127.0.0.1", port, timeout=10) as client:
        client.sendmail("x@example.org", ["alice@home.test"], message)
    assert house.messages[0].endswith(message.encode())
    assert house.messages[0].startswith(b"Received: from ")


def test_smtplib_asks_for_notifications(listening, house):
    port = listening.listen(Service.SMTP)
    with smtplib.SMTP("127.0.0.1", port, timeout=10) as client:
        client.sendmail(
            "x@example.org",
            ["alice@home.test"],
            b"Subject: hello\r\n\r\n",
            mail_options=["RET=HDRS", "ENVID=abc"],
            rcpt_options=["NOTIFY=SUCCESS", "ORCPT=rfc822;alice@home.test"],
        )
    ((delivery, _),) = house.deliver.filed
    assert delivery.recipient.notify is Notify.SUCCESS
    assert delivery.envelope.envelope_id == "abc"


def test_smtplib_sends_utf8(listening, house):
    port = listening.listen(Service.SMTP)
    with smtplib.SMTP("127.0.0.1", port, timeout=10) as client:
        client.ehlo()
        client.mail("jörg@bücher.example", ["SMTPUTF8", "BODY=8BITMIME"])
        client.rcpt("alice@home.test")
        code, _ = client.data("Subject: Grüße\r\n\r\n".encode())
    assert code == 250
    assert "Subject: Grüße\r\n".encode() in house.messages[0]
    assert b" with UTF8SMTP id " in house.messages[0]


def test_smtplib_speaks_lmtp(listening, house):
    port = listening.listen(Service.LMTP)
    with smtplib.LMTP("127.0.0.1", port) as client:
        client.sendmail("x@example.org", ["alice@home.test"], b"Subject: hello\r\n\r\n")
    assert len(house.messages) == 1


@pytest.mark.real
@pytest.mark.parametrize("pipelined", [(), ("--pipeline",)], ids=["plain", "pipelined"])
def test_swaks_sends(listening, house, pipelined):
    port = listening.listen(Service.SMTP)
    to, sender = "alice@home.test,bob@home.test", "x@example.org"
    server = f"127.0.0.1:{port}"
    done = run("swaks", "--server", server, "--to", to, "--from", sender, *pipelined)
    assert done.returncode == 0, done.stdout.decode()
    assert len(house.messages) == 2


@pytest.mark.real
@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN"])
def test_swaks_submits_over_starttls(listening, house, tls_context, mechanism):
    house.ssl_context = tls_context
    port = listening.listen(Service.SUBMISSION)
    done = run(
        *("swaks", "--server", f"127.0.0.1:{port}", "--tls", "--auth", mechanism),
        *("--auth-user", "alice", "--auth-password", "alice-secret"),
        *("--from", "alice@home.test", "--to", "someone@example.net"),
    )
    assert done.returncode == 0, done.stdout.decode()
    (kept,) = house.queue.kept.values()
    assert b" with ESMTPSA id TRACE1\r\n" in kept.octets


@pytest.mark.real
def test_swaks_is_refused(listening, house):
    port = listening.listen(Service.SMTP)
    done = run(
        *("swaks", "--server", f"127.0.0.1:{port}"),
        *("--to", "someone@example.net", "--from", "x@example.org"),
    )
    assert b"<** 554 5.7.1 <someone@example.net>: Relay access denied" in done.stdout


@pytest.mark.real
def test_swaks_speaks_lmtp(listening, house):
    port = listening.listen(Service.LMTP)
    done = run(
        *("swaks", "--server", f"127.0.0.1:{port}", "--protocol", "LMTP"),
        *("--to", "alice@home.test", "--from", "x@example.org"),
    )
    assert done.returncode == 0, done.stdout.decode()
    assert len(house.messages) == 1


@pytest.mark.real
def test_curl_submits_over_implicit_tls(listening, house, tls_context):
    house.ssl_context, house.implicit_tls = tls_context, True
    port = listening.listen(Service.SUBMISSION)
    done = run(
        *("curl", "--silent", "--show-error", "--insecure", f"smtps://127.0.0.1:{port}/client"),
        *("--user", "alice:alice-secret", "--upload-file", "-"),
        *("--mail-from", "alice@home.test", "--mail-rcpt", "bob@home.test"),
        stdin=b"Subject: hello\r\n\r\nby curl\r\n",
    )
    assert done.returncode == 0, done.stderr.decode()
    assert house.messages[0].endswith(b"\r\n\r\nby curl\r\n")
