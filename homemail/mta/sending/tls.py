# SPDX-License-Identifier: MIT
"""TLS as a client: what a host's certificate must prove, and whether it does."""

from __future__ import annotations

import hashlib
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from homemail.errors import ConfigError
from homemail.resolve import Tlsa

_DIGESTS = {1: hashlib.sha256, 2: hashlib.sha512}


@dataclass(frozen=True, slots=True)
class Named:
    """The certificate comes from a known authority and is for one of ``names``.

    ``.example.org`` stands for every name below it.
    """

    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Pinned:
    """The certificate is one that ``records`` describe; ``names`` count where they ask for them."""

    records: tuple[Tlsa, ...]
    names: tuple[str, ...]


Proof = Named | Pinned | None
"""None: encrypt to whoever is there."""


class ClientTls:
    """The contexts of connections, made once: reading the authorities takes its time."""

    def __init__(self, authorities: Path | None = None) -> None:
        """Take the file of authorities; None takes the system's.

        Raises:
            ConfigError: it cannot be read.
        """
        self._blind = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self._blind.check_hostname = False
        self._blind.verify_mode = ssl.CERT_NONE
        self._trusting: ssl.SSLContext | None = None
        self._authorities = authorities
        if authorities is not None:
            self._trusting = self._make()

    def context(self, proof: Proof) -> ssl.SSLContext:
        """Return the context whose handshake checks what ``proof`` leaves to it."""
        if not isinstance(proof, Named):
            return self._blind
        if self._trusting is None:
            self._trusting = self._make()
        return self._trusting

    def _make(self) -> ssl.SSLContext:
        try:
            context = ssl.create_default_context(cafile=self._authorities)
        except OSError as error:
            text = f"cannot be read: {error.strerror or error}"
            raise ConfigError(text, parameter="smtp_tls_cafile") from None
        context.check_hostname = False  # of one name only; ``trouble_with`` knows patterns
        return context


def trouble_with(connection: Any, proof: Proof, now: datetime | None = None) -> str | None:
    """Return why the certificate of a ``ssl.SSLObject`` does not prove what it must, if so.

    Source: RFC 6125 §6.4, RFC 6698 §2.1, RFC 7672 §3.1, RFC 7671 §5.
    """
    if proof is None:
        return None
    chain = [x509.load_der_x509_certificate(der) for der in _chain(connection)]
    if not chain:
        return "Server certificate not shown"
    if isinstance(proof, Named):
        return None if _is_for(chain[0], proof.names) else "Server certificate not verified"
    for record in proof.records:
        if record.usage == 3 and _matches(chain[0], record):
            return None
        below = record.usage == 2 and _is_below(chain, record, now or datetime.now(UTC))
        if below and _is_for(chain[0], proof.names):
            return None
    return "Server certificate not trusted: no TLSA record matches"


def is_usable(record: Tlsa) -> bool:
    """Whether a record can be compared with; others are as if they were not there.

    Source: RFC 7672 §3.1.3.
    """
    return record.usage in (2, 3) and record.selector in (0, 1) and record.matching in (0, 1, 2)


def _is_below(chain: Sequence[x509.Certificate], record: Tlsa, now: datetime) -> bool:
    """Whether the first certificate is signed, step by step, by one that ``record`` describes."""
    for at, certificate in enumerate(chain):
        if not certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc:
            return False
        if at and _matches(certificate, record):
            return True
        if at + 1 < len(chain) and not _is_issued_by(certificate, chain[at + 1]):
            return False
    return False


def _is_issued_by(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(issuer)
        constraints = issuer.extensions.get_extension_for_class(x509.BasicConstraints)
    except (InvalidSignature, ValueError, TypeError, x509.ExtensionNotFound):
        return False
    return constraints.value.ca


def _matches(certificate: x509.Certificate, record: Tlsa) -> bool:
    if record.selector == 0:
        octets = certificate.public_bytes(Encoding.DER)
    else:
        key = certificate.public_key()
        octets = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    digest = _DIGESTS.get(record.matching)
    return (digest(octets).digest() if digest else octets) == record.data


def _is_for(certificate: x509.Certificate, wanted: Sequence[str]) -> bool:
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (x509.ExtensionNotFound, ValueError):
        return False
    shown = [name.lower() for name in names.get_values_for_type(x509.DNSName)]
    shown += [str(address) for address in names.get_values_for_type(x509.IPAddress)]
    return any(_is_same(name, one.lower().rstrip(".")) for name in shown for one in wanted)


def _is_same(shown: str, wanted: str) -> bool:
    """Compare a certificate's name, which may begin with ``*.``, and one of ours with ``.``."""
    if wanted.startswith("."):
        return shown.removeprefix("*").endswith(wanted)
    if shown.startswith("*."):
        first, dot, rest = wanted.partition(".")
        return bool(first and dot) and rest == shown[2:] and "." in rest
    return shown == wanted


def _chain(connection: Any) -> list[bytes]:
    """Return the certificates as they were sent."""
    public = getattr(connection, "get_unverified_chain", None)
    if public is not None:  # Python 3.13
        return list(public() or ())
    certificates = connection._sslobj.get_unverified_chain() or ()
    return [ssl.PEM_cert_to_DER_cert(one.public_bytes()) for one in certificates]
