# SPDX-License-Identifier: MIT
"""What clients see of both TLS stacks: names, new certificates, resumption, who they are."""

from __future__ import annotations

import asyncio
import datetime
import socket
import ssl
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from twisted.internet.protocol import Factory
from twisted.protocols.tls import TLSMemoryBIOFactory

from homemail.config.tls import TlsSettings
from homemail.errors import ConfigError
from homemail.model.certificate import end_point, user_names
from homemail.roles.certificates import Certificates
from homemail.roles.tls import TlsContexts
from homemail.stream import StreamProtocol

STACKS = ["asyncio", "twisted"]
DAY = datetime.timedelta(days=1)
NOW = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)


class Authority:
    """Makes certificates that a client or server can show."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Test CA")])
        self.file = directory / "ca.pem"
        self.file.write_bytes(
            self._certificate(self.name, self.key, x509.BasicConstraints(True, None))
        )

    def make(self, file: str, common: str, *names: x509.GeneralName) -> Path:
        """Write a certificate and its key into one file."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])
        extensions = [x509.SubjectAlternativeName(names)] if names else []
        pem = key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        path = self.directory / file
        path.write_bytes(self._certificate(subject, key, *extensions) + pem)
        return path

    def host(self, file: str, *names: str) -> Path:
        return self.make(file, names[0], *map(x509.DNSName, names))

    def _certificate(self, subject, key, *extensions) -> bytes:
        builder = x509.CertificateBuilder(
            issuer_name=self.name,
            subject_name=subject,
            public_key=key.public_key(),
            serial_number=x509.random_serial_number(),
            not_valid_before=NOW - 3000 * DAY,
            not_valid_after=NOW + 3000 * DAY,
        )
        for extension in extensions:
            builder = builder.add_extension(extension, False)
        signed = builder.sign(self.key, hashes.SHA256())
        return signed.public_bytes(serialization.Encoding.PEM)


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


class Echo(asyncio.Protocol):
    """Tells, on asyncio's stack, what the server knows of the connection."""

    def connection_made(self, transport):
        ssl_object = transport.get_extra_info("ssl_object")
        certificate = ssl_object.getpeercert(binary_form=True)
        names = user_names(certificate) if certificate else ()
        end = ssl_object.context.end_point
        transport.write(f"{end.hex()} {','.join(names)}\n".encode())


class Tell(StreamProtocol):
    """The same on pyOpenSSL's."""

    def begun(self):
        tls = self.tls
        bindings = tls.bindings["tls-server-end-point"].hex()
        self.stream.write(f"{bindings} {','.join(tls.client_names)}\n".encode())


class Server:
    """A listening port of one stack."""

    def __init__(self, loop_thread, stack: str, settings: TlsSettings) -> None:
        self.now = 0.0
        first = settings.tls_certificate_file
        self.certificates = Certificates(settings, first, lambda: self.now)
        contexts = TlsContexts(self.certificates)
        if stack == "asyncio":
            self.port, self.stop = loop_thread.listen_asyncio(Echo, ssl=contexts.asyncio)
        else:
            plain = Factory.forProtocol(Tell)
            factory = TLSMemoryBIOFactory(contexts.twisted("imap"), False, plain)
            self.port, self.stop = loop_thread.listen_twisted(factory)

    def connect(self, name: str | None = None, context=None, session=None) -> ssl.SSLSocket:
        context = context or client_context()
        plain = socket.create_connection(("127.0.0.1", self.port), 10)
        return context.wrap_socket(plain, server_hostname=name, session=session)

    def seen(self, name: str | None, **more) -> tuple[str, ...]:
        """Return the host names of the certificate that a client sees."""
        with self.connect(name, **more) as client:
            assert client.recv(1000)
            found = x509.load_der_x509_certificate(client.getpeercert(binary_form=True))
        names = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        return tuple(names.get_values_for_type(x509.DNSName))


def client_context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


@pytest.fixture
def serve(loop_thread):
    servers = []

    def make(stack: str, *settings, **more) -> Server:
        servers.append(Server(loop_thread, stack, TlsSettings(*settings, **more)))
        return servers[-1]

    yield make
    for server in servers:
        server.stop()


@pytest.mark.parametrize("stack", STACKS)
def test_each_client_sees_the_certificate_of_the_host_it_wants(serve, authority, stack):
    first = authority.host("first.pem", "mail.home.test")
    more = (
        authority.host("shop.pem", "mail.shop.test", "shop.test"),
        authority.host("wild.pem", "*.wild.test"),
    )
    server = serve(stack, first, tls_sni_files=more)
    assert server.seen("MAIL.shop.test") == ("mail.shop.test", "shop.test")
    assert server.seen("pop.wild.test") == ("*.wild.test",)
    assert server.seen("wild.test") == server.seen("other.test") == ("mail.home.test",)
    assert server.seen(None) == ("mail.home.test",)


@pytest.mark.parametrize("stack", STACKS)
def test_new_certificates_are_used_without_a_restart(serve, authority, stack, caplog):
    file = authority.host("first.pem", "old.home.test")
    server = serve(stack, file)
    assert server.seen(None) == ("old.home.test",)
    with server.connect() as open_before:
        authority.host("first.pem", "new.home.test")
        server.now += 2
        assert server.seen(None) == ("new.home.test",)
        assert open_before.recv(1000)
    file.write_text("in the middle of being written")
    server.now += 2
    assert server.seen(None) == ("new.home.test",)
    assert [r.name for r in caplog.records if "not used" in r.message] == ["homemail.tls"]
    authority.host("first.pem", "newer.home.test")
    server.now += 2
    assert server.seen(None) == ("newer.home.test",)


@pytest.mark.parametrize("stack", STACKS)
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_session_is_resumed(serve, authority, stack, version):
    server = serve(stack, authority.host("first.pem", "mail.home.test"))
    context = client_context()
    context.minimum_version = context.maximum_version = version
    with server.connect("mail.home.test", context) as client:
        assert client.recv(1000)  # the ticket comes before it
        assert not client.session_reused
        session = client.session
    with server.connect("mail.home.test", context, session) as client:
        assert client.recv(1000)
        assert client.session_reused


@pytest.mark.parametrize("stack", STACKS)
def test_protocols_are_agreed_upon(serve, authority, stack):
    server = serve(stack, authority.host("first.pem", "mail.home.test"))
    own = "smtp" if stack == "asyncio" else "imap"
    context = client_context()
    context.set_alpn_protocols(["http/1.1", own])
    with server.connect(None, context) as client:
        assert client.selected_alpn_protocol() == own
    context.set_alpn_protocols(["http/1.1"])
    with server.connect(None, context) as client:
        assert client.selected_alpn_protocol() is None


@pytest.mark.parametrize("stack", STACKS)
def test_who_the_client_is(serve, authority, stack):
    own = authority.host("first.pem", "mail.home.test")
    server = serve(stack, own, tls_client_ca_file=authority.file)
    shown = authority.make("alice.pem", "Alice", x509.RFC822Name("alice@home.test"))
    context = client_context()
    with server.connect(None, context) as client:
        assert client.recv(1000).endswith(b" \n")  # nobody, and that is allowed
    context.load_cert_chain(shown)
    with server.connect(None, context) as client:
        assert client.recv(1000).endswith(b" alice@home.test,Alice\n")


@pytest.mark.parametrize("stack", STACKS)
def test_a_certificate_of_another_authority_proves_nothing(serve, authority, stack, tmp_path):
    own = authority.host("first.pem", "mail.home.test")
    server = serve(stack, own, tls_client_ca_file=authority.file)
    (tmp_path / "other").mkdir()
    context = client_context()
    context.load_cert_chain(Authority(tmp_path / "other").make("mallory.pem", "alice"))
    with pytest.raises(OSError), server.connect(None, context) as client:
        assert client.recv(1000) == b""
        raise ConnectionError


@pytest.mark.parametrize("stack", STACKS)
def test_the_end_point_is_that_of_the_certificate_seen(serve, authority, stack):
    first = authority.host("first.pem", "mail.home.test")
    server = serve(stack, first, tls_sni_files=(authority.host("shop.pem", "shop.test"),))
    for name in ("mail.home.test", "shop.test"):
        with server.connect(name) as client:
            expected = end_point(client.getpeercert(binary_form=True)).hex()
            assert client.recv(1000).split()[0].decode() == expected


@pytest.mark.parametrize("stack", STACKS)
def test_old_versions_and_weak_ciphers_are_refused(serve, authority, stack):
    server = serve(stack, authority.host("first.pem", "mail.home.test"), None, "TLSv1.3")
    context = client_context()
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    with pytest.raises(OSError):
        server.connect(None, context)
    server = serve(stack, authority.host("first.pem", "mail.home.test"))
    context.set_ciphers("AES128-SHA")
    with pytest.raises(OSError):
        server.connect(None, context)


def test_files_that_cannot_be_used_are_told(authority):
    first = authority.host("first.pem", "mail.home.test")
    for wrong in (authority.directory / "none.pem", authority.file):
        with pytest.raises(ConfigError) as error:
            Certificates(TlsSettings(first, tls_sni_files=(wrong,)), first)
        assert error.value.parameter == "tls_sni_files"


@pytest.mark.parametrize("service", ["smtpd", "submission", "lmtp", "imap", "pop3", "managesieve"])
def test_tls_cannot_be_demanded_without_a_certificate(service, tmp_path):
    name = f"{service}_tls_security_level"
    with pytest.raises(ConfigError) as error:
        TlsSettings(**{name: "encrypt"})
    assert error.value.parameter == name
    settings = TlsSettings(tmp_path / "x.pem", **{name: "encrypt"})
    assert settings.level("smtp" if service == "smtpd" else service) == "encrypt"
