# SPDX-License-Identifier: MIT
"""One certificate, two TLS stacks: asyncio's for SMTP, Twisted's (pyOpenSSL) for the rest."""

from __future__ import annotations

import datetime
import ipaddress
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from twisted.internet.interfaces import IOpenSSLContextFactory
from zope.interface import implementer

from homemail.config.tls import TlsSettings
from homemail.durable import make_directory, write_atomic
from homemail.errors import ConfigError

_MINIMUM = {"TLSv1.2": ssl.TLSVersion.TLSv1_2, "TLSv1.3": ssl.TLSVersion.TLSv1_3}

TEN_YEARS = datetime.timedelta(days=3650)


@dataclass(frozen=True, slots=True)
class TlsContexts:
    """The same certificate and rules for both stacks."""

    asyncio: ssl.SSLContext
    twisted: Any


def load_contexts(settings: TlsSettings) -> TlsContexts | None:
    """Return the contexts for the certificate in the settings, or None where none is set.

    Raises:
        ConfigError: a file cannot be read, or the two do not belong together.
    """
    from OpenSSL import SSL

    certificate = settings.tls_certificate_file
    if certificate is None:
        return None
    key = settings.tls_key_file or certificate
    try:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.minimum_version = _MINIMUM[settings.tls_minimum_version]
        context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_CIPHER_SERVER_PREFERENCE
        context.load_cert_chain(certificate, key)
    except (OSError, ssl.SSLError) as error:
        raise ConfigError(
            f"the certificate {certificate} with the key {key} cannot be used: {error}",
            parameter="tls_certificate_file",
        ) from error
    twisted = _twisted_context(SSL, certificate, key)
    twisted.set_min_proto_version(int(context.minimum_version))
    return TlsContexts(context, _ContextFactory(twisted))


def _twisted_context(openssl: Any, certificate: Path, key: Path) -> Any:
    context = openssl.Context(openssl.TLS_SERVER_METHOD)
    context.set_options(
        openssl.OP_NO_COMPRESSION
        | openssl.OP_CIPHER_SERVER_PREFERENCE
        | getattr(openssl, "OP_NO_RENEGOTIATION", 0x40000000)
    )
    context.use_certificate_chain_file(str(certificate))
    context.use_privatekey_file(str(key))
    context.set_session_id(b"homemail")
    return context


@implementer(IOpenSSLContextFactory)
class _ContextFactory:
    """What ``transport.startTLS`` and ``listenSSL`` of Twisted ask for."""

    def __init__(self, context: Any) -> None:
        self._context = context

    def getContext(self) -> Any:  # noqa: N802 - Twisted's name
        return self._context


def make_self_signed(directory: Path, names: tuple[str, ...]) -> tuple[Path, Path]:
    """Make ``certificate.pem`` and ``key.pem`` in ``directory`` unless both are there.

    ``names`` are host names and addresses; the first is the subject. Good for ten years, P-256.
    """
    certificate, key = directory / "certificate.pem", directory / "key.pem"
    if certificate.is_file() and key.is_file():
        return certificate, key
    make_directory(directory)
    private = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0])])
    start = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)  # houses have clocks without battery
    now = datetime.datetime.now(datetime.UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(min(start, now))
        .not_valid_after(now + TEN_YEARS)
        .add_extension(x509.SubjectAlternativeName([_name(name) for name in names]), False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), False)
        .sign(private, hashes.SHA256())
    )
    write_atomic(
        key,
        private.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        ),
    )
    write_atomic(certificate, signed.public_bytes(serialization.Encoding.PEM), mode=0o644)
    return certificate, key


def _name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)
