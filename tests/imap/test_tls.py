# SPDX-License-Identifier: MIT
"""STARTTLS, implicit TLS, and passwords on a line that others can read."""

from __future__ import annotations

import datetime

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from homemail.model.session import Peer
from tests.imap.conftest import House
from tests.transcript import SocketConnection


def self_signed() -> bytes:
    """Return a key and a certificate for home.test, PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "home.test")])
    now = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now)
        .not_valid_after(now + datetime.timedelta(days=36500))
        .sign(key, hashes.SHA256())
    )
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ) + certificate.public_bytes(serialization.Encoding.PEM)


@pytest.fixture(scope="module")
def pem() -> bytes:
    return self_signed()


@pytest.fixture
def house(loop_thread, pem):
    from twisted.internet import ssl

    context = ssl.PrivateCertificate.loadPEM(pem).options()
    house = House(loop_thread, tls_context=context)
    yield house
    house.stop()


@pytest.fixture
def stranger(house, monkeypatch):
    """Make every client one from elsewhere."""
    monkeypatch.setattr(Peer, "is_loopback", property(lambda self: False))
    return house


def test_starttls(stranger):
    line = stranger.connect()
    greeting = line.readline()
    assert b"STARTTLS" in greeting
    assert b"LOGINDISABLED" in greeting
    assert b"AUTH=" not in greeting
    line.send(b"a LOGIN alice secret\r\n")
    assert line.readline() == b"a NO [PRIVACYREQUIRED] Use TLS for a password\r\n"
    line.send(b"b AUTHENTICATE PLAIN AGFsaWNlAHNlY3JldA==\r\n")
    assert line.readline() == b"b NO [PRIVACYREQUIRED] Use TLS for a password\r\n"
    line.send(b"c STARTTLS\r\n")
    assert line.readline() == b"c OK Begin TLS now\r\n"
    line.starttls()
    line.send(b"d CAPABILITY\r\n")
    capabilities = line.readline()
    assert b"STARTTLS" not in capabilities
    assert b"LOGINDISABLED" not in capabilities
    assert b"AUTH=PLAIN" in capabilities
    assert line.readline() == b"d OK Capabilities listed\r\n"
    line.send(b"e STARTTLS\r\n")
    assert line.readline() == b"e BAD TLS cannot be started here\r\n"
    line.send(b"f LOGIN alice secret\r\n")
    assert line.readline().startswith(b"f OK")


def test_commands_behind_starttls_are_not_run(house):
    line = house.connect()
    line.readline()
    line.send(b"a STARTTLS\r\nb LOGIN alice secret\r\nc CREATE injected\r\n")
    assert line.readline() == b"* BYE Octets behind STARTTLS\r\n"
    assert line.readline() == b""
    assert "alice" not in house.mails


def test_implicit_tls(house, loop_thread, pem, monkeypatch):
    monkeypatch.setattr(Peer, "is_loopback", property(lambda self: False))
    from twisted.internet import ssl
    from twisted.protocols.tls import TLSMemoryBIOFactory

    options = ssl.PrivateCertificate.loadPEM(pem).options()
    wrapped = TLSMemoryBIOFactory(options, isClient=False, wrappedFactory=house.factory)
    port, stop = loop_thread.listen_twisted(wrapped)
    line = SocketConnection("127.0.0.1", port, tls=True)
    greeting = line.readline()
    assert b"AUTH=PLAIN" in greeting
    assert b"STARTTLS" not in greeting
    line.send(b"a LOGIN alice secret\r\nb LOGOUT\r\n")
    assert line.readline().startswith(b"a OK")
    assert line.readline() == b"* BYE Logging out\r\n"
    assert line.readline() == b"b OK Logged out\r\n"
    stop()
