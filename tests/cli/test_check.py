# SPDX-License-Identifier: MIT
"""``homemail check`` on installations that lack something."""

from __future__ import annotations

import json
import os
import socket
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from homemail.cli.checks.ports import listener_on


def write_certificate(
    directory: Path, *, name: str = "mail.home.test", begins: int = -1, ends: int = 365
) -> ec.EllipticCurvePrivateKey:
    """Write ``cert.pem`` and ``key.pem``; the days count from now."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now + timedelta(days=begins))
        .not_valid_after(now + timedelta(days=ends))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    (directory / "cert.pem").write_bytes(certificate.public_bytes(Encoding.PEM))
    write_key(directory, key)
    return key


def write_key(directory: Path, key: ec.EllipticCurvePrivateKey, password: bytes = b"") -> None:
    locked = BestAvailableEncryption(password) if password else NoEncryption()
    file = directory / "key.pem"
    file.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, locked))
    file.chmod(0o600)


@pytest.fixture
def whole(directory):
    """An installation without any trouble."""
    write_certificate(directory)
    (directory / "users").write_text("alice:{PLAIN}x::::::addresses=postmaster@home.test\n")
    (directory / "users").chmod(0o600)
    add(directory, tls_certificate_file="cert.pem", tls_key_file="key.pem")
    return directory


def add(directory: Path, **settings: object) -> None:
    """Set settings; those that are set already are taken out."""
    file = directory / "homemail.toml"
    kept = [
        line
        for line in file.read_text().splitlines()
        if line.partition(" = ")[0] not in {name.removeprefix("port_") for name in settings}
    ]
    at = kept.index("[ports]")
    above = [f"{n} = {json.dumps(v)}" for n, v in settings.items() if not n.startswith("port_")]
    below = [f"{n[5:]} = {v}" for n, v in settings.items() if n.startswith("port_")]
    file.write_text("\n".join([*kept[:at], *above, *kept[at:], *below]) + "\n")


@pytest.fixture
def check(homemail, whole):
    """Run the check; answer with its status and what it found."""

    def run() -> tuple[int, list[str]]:
        result = homemail("check", "--directory", whole)
        assert result.err == ""
        return result.status, result.out.replace(f"{whole}", "DIR").splitlines()

    return run


def test_all_is_well(check):
    assert check() == (0, ["all is well"])


def test_json(homemail, whole):
    (whole / "users").write_text("")
    found = json.loads(homemail("check", "--json", "--directory", whole).out)
    assert found == [
        {
            "severity": "warning",
            "what": f"no account in {whole}/users",
            "advice": '"homemail account add NAME" makes one',
        }
    ]


def test_wrong_settings_are_all_told(check, whole):
    add(whole, relayhots="x", message_size_limit="big")
    status, lines = check()
    assert status == 1
    assert [line.split(": ")[2] for line in lines] == ["relayhots", "message_size_limit"]
    assert all(line.startswith("error: DIR/homemail.toml:") for line in lines)


@pytest.mark.parametrize(
    ("settings", "status", "said"),
    [
        ({"myhostname": "box"}, 0, "warning: myhostname is box, a name without a domain"),
        (
            {"myhostname": "example.org", "mydomain": "org"},
            0,
            "warning: mydomain is org, a whole top-level domain; set it: mydomain = ",
        ),
        ({"mydestination": []}, 1, "error: mydestination is empty: no mail is for anybody"),
        ({"mail_owner": "nobody-of-this-name"}, 1, "error: mail_owner is nobody-of-this-name"),
        (
            {"queue_directory": "homemail.toml"},
            1,
            "error: queue_directory DIR/homemail.toml is not a directory",
        ),
        (
            {"queue_directory": "homemail.toml/queue"},
            1,
            "error: queue_directory DIR/homemail.toml/queue cannot be",
        ),
        ({"tls_certificate_file": "", "tls_key_file": ""}, 0, "warning: no certificate: "),
        (
            {"tls_certificate_file": "none.pem"},
            1,
            "error: DIR/none.pem cannot be read: No such file or directory",
        ),
        (
            {"tls_certificate_file": "key.pem"},
            1,
            "error: DIR/key.pem has no certificate in PEM form",
        ),
        ({"tls_key_file": "cert.pem"}, 1, "error: DIR/cert.pem has no private key in PEM form"),
        ({"tls_sni_files": ["cert.pem"]}, 1, "error: DIR/cert.pem has no private key in PEM form"),
        ({"tls_sni_files": ["none.pem"]}, 1, "error: DIR/none.pem cannot be read: No such file"),
        ({"tls_client_ca_file": "key.pem"}, 1, "error: DIR/key.pem has no certificate in PEM"),
        ({"tls_client_ca_file": "none.pem"}, 1, "error: DIR/none.pem cannot be read: No such"),
        ({"oauth_client_secret_file": "none"}, 1, "error: DIR/none cannot be read: No such file"),
        (
            {"oauth_jwks_url": "https://a.test/keys"},
            0,
            "warning: every access token of the issuer opens a mailbox",
        ),
        (
            {"oauth_client_secret_file": "cert.pem"},
            1,
            "error: the password in DIR/cert.pem is open to others",
        ),
        (
            {
                "oauth_introspection_url": "https://a.test/i",
                "oauth_jwks_url": "https://a.test/keys",
            },
            0,
            "warning: oauth_jwks_url does nothing beside oauth_introspection_url",
        ),
        ({"users_file": "none"}, 0, 'warning: no account file DIR/none; "homemail account add'),
        ({"users_file": "home_"}, 1, "error: the account file DIR/home_ cannot be read: Is a"),
        (
            {"smtpd_relay_restrictions": ["reject_unauth_destnation"]},
            1,
            "error: DIR/homemail.toml:11: smtpd_relay_restrictions: unknown check",
        ),
        (
            {"smtpd_relay_restrictions": [], "mynetworks": ["0.0.0.0/0"]},
            1,
            "error: DIR/homemail.toml:11: smtpd_relay_restrictions: these checks let anybody send",
        ),
        (
            {"relayhost": "[mail.example.org"},
            1,
            "error: DIR/homemail.toml:11: relayhost: ",
        ),
        (
            {"mailbox_command": "/bin/cat"},
            0,
            "warning: mailbox_command takes the mail of everybody without a Sieve script, and Mail",
        ),
        ({"mailbox_command": "/no/mda -x"}, 1, "error: mailbox_command: there is no program /no"),
        (
            {"mailbox_command": "/bin/cat", "mailbox_transport": "lmtp:[127.0.0.1]:24"},
            0,
            "warning: mailbox_command does nothing beside mailbox_transport",
        ),
        ({"mailbox_transport": "lmtp"}, 1, "error: DIR/homemail.toml:11: mailbox_transport: "),
        ({"sieve_before": ["none.sieve"]}, 1, "error: DIR/none.sieve: No such file or directory"),
        ({"sieve_after": ["users"]}, 1, "error: DIR/users:1:"),
        (
            {"mydestination": ["other.test"]},
            0,
            "warning: account alice has an address in home.test, which is not in mydestination",
        ),
    ],
)
def test_told(check, whole, settings, status, said):
    (whole / "home_").mkdir()
    add(whole, **settings)
    found, lines = check()
    assert [line for line in lines if line.startswith(said)], lines
    assert found == status


@pytest.mark.parametrize(
    ("mode", "said"),
    [
        (0o777, "error: queue_directory DIR/queue can be written to by others; chmod go-w"),
        (0o755, "warning: queue_directory DIR/queue can be read by others; chmod 700 DIR/queue"),
        (0o700, "all is well"),
    ],
)
def test_modes(check, whole, mode, said):
    (whole / "queue").mkdir()
    (whole / "queue").chmod(mode)
    status, lines = check()
    assert [line.startswith(said) for line in lines] == [True]
    assert status == int(said.startswith("error"))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_directory_that_cannot_be_written_to(check, whole):
    (whole / "queue").mkdir(mode=0o500)
    assert check()[1][0].startswith("error: queue_directory DIR/queue cannot be written to by ")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can look for another user")
def test_what_the_user_named_by_mail_owner_may_not_write(check, whole):
    add(whole, mail_owner="nobody")
    (whole / "queue").mkdir()
    status, lines = check()
    assert lines[0].startswith("error: queue_directory DIR/queue cannot be written to by nobody")
    assert any(line.startswith("error: data_directory DIR/data is not there") for line in lines)
    assert status == 1


@pytest.mark.parametrize(
    ("certificate", "status", "said"),
    [
        ({"ends": 5}, 0, "warning: the certificate in DIR/cert.pem expires on "),
        ({"begins": -9, "ends": -1}, 1, "error: the certificate in DIR/cert.pem expired on "),
        ({"begins": 1}, 1, "error: the certificate in DIR/cert.pem is not valid before "),
        (
            {"name": "other.test"},
            0,
            "warning: the certificate in DIR/cert.pem is for other.test, not for mail.home.test",
        ),
        ({"name": "*.home.test"}, 0, "all is well"),
    ],
)
def test_certificates(check, whole, certificate, status, said):
    write_certificate(whole, **certificate)
    found, lines = check()
    assert (found, len(lines)) == (status, 1)
    assert lines[0].startswith(said)


def test_the_key_of_another_certificate(check, whole):
    write_key(whole, ec.generate_private_key(ec.SECP256R1()))
    said = "error: the key in DIR/key.pem is not that of the certificate in DIR/cert.pem"
    assert check() == (1, [said])


def test_a_locked_key(check, whole):
    write_key(whole, write_certificate(whole), b"secret")
    said = "error: the key in DIR/key.pem is locked with a password; store it without one"
    assert check() == (1, [said])


def test_a_key_that_others_may_read(check, whole):
    (whole / "key.pem").chmod(0o644)
    said = "error: the key in DIR/key.pem is open to others; chmod 600 DIR/key.pem"
    assert check() == (1, [said])


def test_broken_lines_of_the_account_file(check, whole):
    with (whole / "users").open("a") as file:
        file.write("/:x\nalice:{PLAIN}y\n")
    status, lines = check()
    assert status == 1
    assert [line.partition(": ")[2].split(":")[:2] for line in lines] == [
        ["DIR/users", "2"],
        ["DIR/users", "3"],
    ]


def test_nobody_is_postmaster(check, whole):
    (whole / "users").write_text("alice:{PLAIN}x::::::disabled=yes\n")
    status, lines = check()
    assert status == 0
    assert lines[0].startswith("warning: nobody gets mail for postmaster@home.test, where")


def test_a_home_that_is_a_file(check, whole):
    (whole / "home").mkdir()
    (whole / "home" / "alice").touch()
    status, lines = check()
    assert status == 1
    assert lines[0].startswith("error: the home of alice DIR/home/alice is not a directory")


@pytest.fixture
def taken():
    """A port that this process listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening.getsockname()[1]


def test_a_port_that_is_taken_and_by_whom(check, whole, taken, monkeypatch):
    add(whole, port_imap=taken)
    process = listener_on(taken)
    assert process is not None
    assert process.pid == os.getpid()
    monkeypatch.setattr("homemail.cli.checks.ports.Process.is_homemail", False)
    status, lines = check()
    assert status == 1
    assert lines == [
        f"error: port {taken} (imap) on 127.0.0.1 is in use by {process.name} (process "
        f"{os.getpid()}); stop that program, or choose another port in [ports]"
    ]


def test_a_port_that_homemail_itself_has_is_no_trouble(check, whole, taken, monkeypatch):
    add(whole, port_imap=taken)
    monkeypatch.setattr("homemail.cli.checks.ports.Process.is_homemail", True)
    assert check() == (0, ["all is well"])


def test_an_address_that_this_machine_does_not_have(check, whole):
    add(whole, inet_interfaces=["192.0.2.1"], port_imap=14300)
    status, lines = check()
    assert status == 1
    assert lines[0].startswith("error: port 14300 (imap) on 192.0.2.1 cannot be opened: ")


@pytest.mark.skipif(sys.platform != "linux", reason="asks /proc")
def test_nobody_listens():
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    assert listener_on(port) is None


@pytest.mark.parametrize("there", [True, False])
def test_what_pam_needs(check, whole, monkeypatch, there):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: there or None)
    add(whole, auth_sources=["users", "pam"], pam_service="none-of-this-name")
    said = "\n".join(check()[1])
    assert "warning: there is no /etc/pam.d/none-of-this-name, so PAM does" in said
    assert ("error: auth_sources names pam, which is not there" in said) == (not there)
