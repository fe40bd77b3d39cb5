# SPDX-License-Identifier: MIT
"""A certificate authority of the tests' own, and what DNS would say of its certificates."""

from __future__ import annotations

import hashlib
import ssl
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from cryptography.x509.oid import NameOID

from homemail.resolve import Tlsa

DAY = timedelta(days=1)
_USAGES = (
    *("digital_signature", "content_commitment", "key_encipherment", "data_encipherment"),
    *("key_agreement", "key_cert_sign", "crl_sign", "encipher_only", "decipher_only"),
)


@dataclass(frozen=True)
class Issued:
    """A certificate with its key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    def tlsa(self, usage: int = 3, selector: int = 1) -> Tlsa:
        octets = (
            self.key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
            if selector
            else self.certificate.public_bytes(Encoding.DER)
        )
        return Tlsa(usage, selector, 1, hashlib.sha256(octets).digest())

    def pem(self) -> bytes:
        key = self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        return key + self.certificate.public_bytes(Encoding.PEM)


class Authority:
    """Issues certificates; its own is in ``file``."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self.root = self._issue("authority of the tests", (), None)
        self.file = directory / "authority.pem"
        self.file.write_bytes(self.root.certificate.public_bytes(Encoding.PEM))

    def issue(self, *names: str, expired: bool = False) -> Issued:
        return self._issue(names[0], names, self.root, expired=expired)

    def context(self, *names: str, expired: bool = False) -> tuple[ssl.SSLContext, Issued]:
        """Return a server's context with a certificate for ``names``, and the certificate."""
        issued = self.issue(*names, expired=expired)
        path = self._directory / f"{names[0]}{expired}.pem"
        path.write_bytes(issued.pem() + self.root.certificate.public_bytes(Encoding.PEM))
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(path)
        return context, issued

    def _issue(
        self, title: str, names: tuple[str, ...], issuer: Issued | None, *, expired: bool = False
    ) -> Issued:
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, title)])
        now = datetime.now(UTC) - (10 * DAY if expired else timedelta())
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(issuer.certificate.subject if issuer else subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - DAY)
            .not_valid_after(now + DAY)
            .add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), True)
        )
        signer = issuer.key if issuer else key
        # Python 3.13 asks for these.
        own = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
        above = x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key())
        builder = builder.add_extension(own, False).add_extension(above, False)
        if issuer is None:
            usage = dict.fromkeys(_USAGES, False) | {"key_cert_sign": True, "crl_sign": True}
            builder = builder.add_extension(x509.KeyUsage(**usage), True)
        if names:
            shown = x509.SubjectAlternativeName([x509.DNSName(name) for name in names])
            builder = builder.add_extension(shown, False)
        return Issued(builder.sign(signer, hashes.SHA256()), key)
