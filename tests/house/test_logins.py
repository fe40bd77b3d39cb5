# SPDX-License-Identifier: MIT
"""Ways to log in to a whole house, over both TLS stacks, and accounts that change meanwhile."""

from __future__ import annotations

import base64
import http.server
import imaplib
import json
import poplib
import smtplib
import ssl
import threading
import urllib.parse
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography import x509

from homemail.model.certificate import end_point
from tests.auth.scram_client import ScramClient
from tests.house.server import House
from tests.house.test_tls import unchecked
from tests.roles.test_certificates import Authority

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("logins")]  # one house for all


class Issuer:
    """A web server that tells whose an access token is."""

    def __init__(self) -> None:
        issuer = self

        class Introspect(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                token = urllib.parse.parse_qs(body)["token"][0]
                issuer.asked.append(token)
                name = {"good": "alice@home.test"}.get(token)
                answer = json.dumps({"active": bool(name), "email": name}).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self.asked: list[str] = []
        self.server = http.server.HTTPServer(("127.0.0.1", 0), Introspect)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}/introspect"


@pytest.fixture(scope="module")
def issuer() -> Iterator[Issuer]:
    issuer = Issuer()
    yield issuer
    issuer.server.shutdown()
    issuer.server.server_close()


@pytest.fixture(scope="module")
def authority(tmp_path_factory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def open_house(tmp_path_factory, authority, issuer) -> Iterator[House]:
    mechanisms = ["EXTERNAL", "SCRAM-SHA-256-PLUS", "SCRAM-SHA-256", "OAUTHBEARER", "XOAUTH2"]
    settings = (
        f'tls_client_ca_file = "{authority.file}"\n'
        f'oauth_introspection_url = "{issuer.url}"\n'
        f"auth_mechanisms = {json.dumps([*mechanisms, 'PLAIN', 'LOGIN'])}\n"
    )
    house = House(tmp_path_factory.mktemp("house") / "try", settings=settings).start()
    yield house
    house.stop()


def bound(tls: ssl.SSLSocket) -> bytes:
    return end_point(tls.getpeercert(binary_form=True))


def imap_tls(house: House, context: ssl.SSLContext | None = None) -> imaplib.IMAP4_SSL:
    return imaplib.IMAP4_SSL(
        "127.0.0.1", house.port("imaps"), ssl_context=context or unchecked(), timeout=60
    )


def scram_steps(client: ScramClient):
    """Return what imaplib and smtplib ask for each challenge."""
    steps = iter([lambda _: client.first(), client.final, lambda _: b""])
    return lambda challenge: next(steps)(challenge)


def test_scram_binds_to_the_connection_on_twisteds_stack(open_house):
    with imap_tls(open_house) as imap:
        assert "AUTH=SCRAM-SHA-256-PLUS" in imap.capabilities
        client = ScramClient(
            "alice",
            open_house.password("alice"),
            flag="p=tls-server-end-point",
            binding=bound(imap.sock),
        )
        assert imap.authenticate("SCRAM-SHA-256-PLUS", scram_steps(client))[0] == "OK"


def test_scram_binds_to_the_connection_on_asyncios_stack(open_house):
    for wrong in (b"", b"x"):
        port = open_house.port("submissions")
        with smtplib.SMTP_SSL("127.0.0.1", port, context=unchecked()) as smtp:
            smtp.ehlo("a.test")
            assert "SCRAM-SHA-256-PLUS" in smtp.esmtp_features["auth"]
            client = ScramClient(
                "alice",
                open_house.password("alice"),
                flag="p=tls-server-end-point",
                binding=bound(smtp.sock) + wrong,
            )
            first = base64.b64encode(client.first()).decode()
            code, challenge = smtp.docmd("AUTH", f"SCRAM-SHA-256-PLUS {first}")
            assert code == 334
            final = client.final(base64.b64decode(challenge))
            code, answer = smtp.docmd(base64.b64encode(final).decode())
            assert (code == 334) == (not wrong)
            if not wrong:
                assert base64.b64decode(answer) == client.expected
                assert smtp.docmd("")[0] == 235


def test_a_client_that_was_kept_from_binding_notices(open_house):
    with imap_tls(open_house) as imap:
        client = ScramClient("alice", open_house.password("alice"), flag="y")
        with pytest.raises(imaplib.IMAP4.error):
            imap.authenticate("SCRAM-SHA-256", scram_steps(client))


def test_a_certificate_logs_its_owner_in(open_house, authority: Authority):
    shown = authority.make("alice.pem", "Alice", x509.RFC822Name("alice@home.test"))
    context = unchecked()
    with imap_tls(open_house, context) as imap:
        assert "AUTH=EXTERNAL" not in imap.capabilities
    context.load_cert_chain(shown)
    with imap_tls(open_house, context) as imap:
        assert "AUTH=EXTERNAL" in imap.capabilities
        assert imap.authenticate("EXTERNAL", lambda _: b"")[0] == "OK"
    with smtplib.SMTP_SSL("127.0.0.1", open_house.port("submissions"), context=context) as smtp:
        smtp.ehlo("a.test")
        assert "EXTERNAL" in smtp.esmtp_features["auth"]
        assert smtp.docmd("AUTH", "EXTERNAL =")[0] == 235
    with smtplib.SMTP("127.0.0.1", open_house.port("submission")) as smtp:
        smtp.starttls(context=context)
        smtp.ehlo("a.test")
        assert smtp.docmd("AUTH", f"EXTERNAL {base64.b64encode(b'bob').decode()}")[0] == 535


@pytest.mark.parametrize("mechanism", ["OAUTHBEARER", "XOAUTH2"])
def test_an_access_token_logs_its_owner_in(open_house, issuer: Issuer, mechanism):
    def response(token: bytes) -> bytes:
        if mechanism == "XOAUTH2":
            return b"user=alice@home.test\x01auth=Bearer " + token + b"\x01\x01"
        return b"n,a=alice@home.test,\x01host=home.test\x01auth=Bearer " + token + b"\x01\x01"

    with imap_tls(open_house) as imap:
        steps = iter([response(b"good")])
        assert imap.authenticate(mechanism, lambda _: next(steps))[0] == "OK"
    pop3 = poplib.POP3_SSL("127.0.0.1", open_house.port("pop3s"), context=unchecked())
    bad = base64.b64encode(response(b"bad")).decode()
    challenge = pop3._shortcmd(f"AUTH {mechanism} {bad}")
    assert b"status" in base64.b64decode(challenge[2:])
    with pytest.raises(poplib.error_proto, match=r"\[AUTH\]"):
        pop3._shortcmd("AQ==")
    pop3.quit()
    assert {"good", "bad"} <= set(issuer.asked)


def test_accounts_change_while_the_house_is_open(open_house):
    def logs_in(name: str, password: str) -> bool:
        with imap_tls(open_house) as imap:
            try:
                return imap.login(name, password)[0] == "OK"
            except imaplib.IMAP4.error:
                return False

    made = open_house.command("account", "add", "erin", "--generate")
    password = made.split("password of erin: ")[1].strip()
    assert logs_in("erin", password)
    open_house.command("account", "rename", "erin", "erika")
    assert not logs_in("erin", password)
    assert logs_in("erika", password)
    made = open_house.command("account", "app-password", "add", "erika", "phone")
    of_phone = made.split(": ")[1].strip()
    assert logs_in("erika", of_phone)
    with imap_tls(open_house) as imap:
        assert "AUTH=SCRAM-SHA-256" not in imap.capabilities
    listed = open_house.command("account", "app-password", "list", "erika")
    assert listed.startswith("phone\t20")
    assert listed.endswith("\t127.0.0.1\n")
    open_house.command("account", "app-password", "remove", "erika", "phone")
    assert not logs_in("erika", of_phone)
    open_house.command("account", "disable", "erika")
    assert not logs_in("erika", password)
    open_house.command("account", "remove", "erika")


def test_the_last_use_is_kept(tmp_path: Path, new_house):
    house = new_house().start()
    made = house.command("account", "app-password", "add", "alice", "phone")
    client = poplib.POP3("127.0.0.1", house.port("pop3"))
    client.user("alice")
    client.pass_(made.split(": ")[1].strip())
    client.quit()
    assert house.stop() == 0
    uses = json.loads((house.directory / "data/app-passwords.json").read_text())
    assert uses["alice"]["phone"]["from"] == "127.0.0.1"
