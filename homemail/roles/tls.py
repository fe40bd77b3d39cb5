# SPDX-License-Identifier: MIT
"""Two TLS stacks: asyncio's for SMTP, Twisted's (pyOpenSSL) for the rest; self-signed makings."""

from __future__ import annotations

import datetime
import ipaddress
import ssl
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
from homemail.roles.certificates import Certificates

TEN_YEARS = datetime.timedelta(days=3650)


class TlsContexts:
    """The same certificates and rules for both stacks."""

    def __init__(self, certificates: Certificates) -> None:
        self._certificates = certificates

    @property
    def asyncio(self) -> ssl.SSLContext:
        """Return the context of asyncio's stack, for SMTP."""
        return self._certificates.asyncio

    def twisted(self, protocol: str) -> Any:
        """Return what ``transport.startTLS`` and ``listenSSL`` of Twisted ask for."""
        return _ContextFactory(self._certificates.openssl(protocol))


def load_contexts(settings: TlsSettings) -> TlsContexts | None:
    """Return the contexts for the certificates in the settings, or None where none is set.

    Raises:
        ConfigError: a file cannot be read, or the two do not belong together.
    """
    first = settings.tls_certificate_file
    return TlsContexts(Certificates(settings, first)) if first else None


@implementer(IOpenSSLContextFactory)
class _ContextFactory:
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
