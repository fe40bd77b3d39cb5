# SPDX-License-Identifier: MIT
"""TLS on every protocol of a whole house: what came in the clear counts for nothing behind it."""

from __future__ import annotations

import imaplib
import json
import poplib
import re
import smtplib
import socket
import ssl
import subprocess

import pytest

from tests.house.server import House, need, wait_for

STARTTLS = {
    "smtp": (b"EHLO a.test\r\n", b"STARTTLS\r\n", b"NOOP\r\n", b"QUIT\r\n"),
    "submission": (b"EHLO a.test\r\n", b"STARTTLS\r\n", b"NOOP\r\n", b"QUIT\r\n"),
    "lmtp": (b"LHLO a.test\r\n", b"STARTTLS\r\n", b"NOOP\r\n", b"QUIT\r\n"),
    "imap": (b"", b"a STARTTLS\r\n", b"b NOOP\r\n", b"c LOGOUT\r\n"),
    "pop3": (b"", b"STLS\r\n", b"CAPA\r\n", b"QUIT\r\n"),
    "managesieve": (b"", b"STARTTLS\r\n", b"NOOP\r\n", b"LOGOUT\r\n"),
}


def unchecked() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def read_until(connection: socket.socket, *ends: bytes) -> bytes:
    """Return what comes until a line begins with one of ``ends``, or all there is."""
    got = b""
    while not any(b"\n" + end in b"\n" + got and got.endswith(b"\n") for end in ends):
        piece = connection.recv(4096)
        if not piece:
            break
        got += piece
    return got


@pytest.mark.parametrize("service", sorted(STARTTLS))
def test_nothing_said_in_the_clear_is_obeyed_under_tls(house: House, service):
    """CVE-2011-0411: who sits in between puts a command behind STARTTLS."""
    hello, begin, injected, leave = STARTTLS[service]
    with socket.create_connection(("127.0.0.1", house.port(service)), 20) as connection:
        read_until(connection, b"220 ", b"* OK", b"+OK", b"OK")
        if hello:
            connection.sendall(hello)
            read_until(connection, b"250 ")
        connection.sendall(begin + injected)
        answer = read_until(connection, b"220 ", b"a OK", b"* BYE", b"-ERR", b"BYE")
        if not answer.startswith(b"220"):
            assert b"a OK" not in answer
            assert connection.recv(4096) == b""  # the rest refuse and close
            return
        with unchecked().wrap_socket(connection) as secure:
            secure.sendall(leave)
            assert read_until(secure, b"221").startswith(b"221")


GREETING = re.compile(rb"^(\* OK|\+OK|220) ", re.MULTILINE)


@pytest.mark.parametrize("service", ["imaps", "pop3s", "submissions"])
def test_a_new_handshake_is_refused(house: House, tmp_path, service):
    said = tmp_path / "said"
    words = [need("openssl"), "s_client", "-connect", f"127.0.0.1:{house.port(service)}", "-tls1_2"]
    with (
        said.open("wb") as output,
        subprocess.Popen(words, stdin=subprocess.PIPE, stdout=output, stderr=output) as client,
    ):
        # Not before the greeting has come: a record of it in between is another error.
        wait_for(lambda: said.read_bytes().endswith(b"\n") and GREETING.search(said.read_bytes()))
        client.stdin.write(b"R\n")
        client.stdin.flush()
        client.wait(20)
    # It gives up at the refusal, or at the greeting that comes first; else it would go on.
    assert b":error:" in said.read_bytes().partition(b"RENEGOTIATING")[2]


@pytest.mark.slow
@pytest.mark.real
@pytest.mark.parametrize(
    ("service", "starttls"), [("imaps", ""), ("submissions", ""), ("pop3", "pop3")]
)
def test_testssl_finds_nothing_that_matters(house: House, tmp_path, service, starttls):
    """Both stacks, and one STARTTLS: protocols, ciphers, forward secrecy, known holes."""
    found = tmp_path / "found.json"
    begin = ["-t", starttls] if starttls else []
    subprocess.run(
        [
            *(need("testssl"), "--quiet", "--warnings", "batch", "--color", "0"),
            *("--ip", "127.0.0.1", "--jsonfile", str(found), *begin),
            *("-p", "-s", "-f", "-U", f"127.0.0.1:{house.port(service)}"),
        ],
        capture_output=True,
        timeout=400,
        check=False,
        cwd=tmp_path,
    )
    findings = json.loads(found.read_text())
    assert len(findings) > 20
    assert [one for one in findings if one["severity"] in ("MEDIUM", "HIGH", "CRITICAL")] == []


@pytest.mark.slow
def test_tls_can_be_demanded_and_turned_off(new_house):
    demanded = "\n".join(
        f'{service}_tls_security_level = "encrypt"'
        for service in ("smtpd", "submission", "imap", "pop3")
    )
    house = new_house(settings=f'{demanded}\nmanagesieve_tls_security_level = "none"\n').start()
    with imaplib.IMAP4("127.0.0.1", house.port("imap")) as imap:
        assert "LOGINDISABLED" in imap.capabilities
        assert not [name for name in imap.capabilities if name.startswith("AUTH=")]
        with pytest.raises(imaplib.IMAP4.error):
            imap.login("alice", house.password("alice"))
        imap.starttls(unchecked())
        imap.login("alice", house.password("alice"))
    pop3 = poplib.POP3("127.0.0.1", house.port("pop3"))
    with pytest.raises(poplib.error_proto):
        pop3.user("alice")
    pop3.stls(unchecked())
    pop3.user("alice")
    pop3.quit()
    for service in ("smtp", "submission"):
        with smtplib.SMTP("127.0.0.1", house.port(service)) as smtp:
            smtp.ehlo("a.test")
            assert not smtp.has_extn("auth")
            assert smtp.docmd("MAIL", "FROM:<a@a.test>") == (
                530,
                b"5.7.0 Must issue a STARTTLS command first",
            )
            smtp.starttls(context=unchecked())
            smtp.ehlo("a.test")
            assert smtp.has_extn("auth")
    with socket.create_connection(("127.0.0.1", house.port("managesieve")), 20) as connection:
        assert b'"STARTTLS"' not in read_until(connection, b"OK")
