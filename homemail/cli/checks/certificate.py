# SPDX-License-Identifier: MIT
"""The certificate: readable, in force, for this host, and with its own key."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from homemail.cli.finding import Finding, error, warning
from homemail.config.settings import Settings

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

_SOON = timedelta(days=14)


def check_certificate(settings: Settings) -> Iterator[Finding]:
    """Look at the files of tls_certificate_file, tls_key_file, and the other settings of TLS."""
    file = settings.tls.tls_certificate_file
    if file is None:
        yield warning(
            "no certificate: passwords cannot be sent safely, and imaps, pop3s and submissions "
            "cannot be used",
            "set tls_certificate_file and tls_key_file",
        )
        return
    yield from _check_files(settings, file, settings.tls.tls_key_file or file, own=True)
    for other in settings.tls.tls_sni_files:
        yield from _check_files(settings, other, other, own=False)
    if settings.tls.tls_client_ca_file:
        yield from _check_authorities(settings.tls.tls_client_ca_file)


def _check_authorities(file: Path) -> Iterator[Finding]:
    from cryptography.x509 import load_pem_x509_certificates

    try:
        load_pem_x509_certificates(file.read_bytes())
    except OSError as trouble:
        yield error(f"{file} cannot be read: {trouble.strerror}")
    except ValueError:
        yield error(f"{file} has no certificate in PEM form")


def _check_files(settings: Settings, file: Path, key_file: Path, *, own: bool) -> Iterator[Finding]:
    """Look at a certificate and its key; ``own``: it is for this host's name."""
    try:
        pem = file.read_bytes()
        key_pem = key_file.read_bytes()
        mode = key_file.stat().st_mode
    except OSError as trouble:
        yield error(f"{trouble.filename} cannot be read: {trouble.strerror}")
        return
    if mode & (stat.S_IRWXO | stat.S_IWGRP):
        yield error(f"the key in {key_file} is open to others", f"chmod 600 {key_file}")
    yield from _check_pem(file, pem, key_file, key_pem)
    if own:
        yield from _check_names(settings, file, pem)


def _check_pem(file: Path, pem: bytes, key_file: Path, key_pem: bytes) -> Iterator[Finding]:
    from cryptography.hazmat.primitives.serialization import load_pem_private_key
    from cryptography.x509 import load_pem_x509_certificates

    try:
        certificate = load_pem_x509_certificates(pem)[0]
    except ValueError:
        yield error(f"{file} has no certificate in PEM form")
        return
    yield from _check_dates(file, certificate)
    try:
        key = load_pem_private_key(key_pem, None)
    except TypeError:
        yield error(f"the key in {key_file} is locked with a password", "store it without one")
        return
    except ValueError:
        yield error(f"{key_file} has no private key in PEM form")
        return
    if key.public_key() != certificate.public_key():
        yield error(f"the key in {key_file} is not that of the certificate in {file}")


def _check_dates(file: Path, certificate: Certificate) -> Iterator[Finding]:
    now = datetime.now(UTC)
    begins, ends = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    if now < begins:
        yield error(
            f"the certificate in {file} is not valid before {begins:%Y-%m-%d %H:%M} UTC",
            "is this machine's clock right?",
        )
    elif now > ends:
        yield error(f"the certificate in {file} expired on {ends:%Y-%m-%d}", "renew it")
    elif now + _SOON > ends:
        yield warning(f"the certificate in {file} expires on {ends:%Y-%m-%d}", "renew it")


def _check_names(settings: Settings, file: Path, pem: bytes) -> Iterator[Finding]:
    from cryptography.x509 import (
        DNSName,
        ExtensionNotFound,
        SubjectAlternativeName,
        load_pem_x509_certificates,
    )

    try:
        certificate = load_pem_x509_certificates(pem)[0]
    except ValueError:
        return  # told already
    try:
        found = certificate.extensions.get_extension_for_class(SubjectAlternativeName).value
        names = [name.lower() for name in found.get_values_for_type(DNSName)]
    except (ExtensionNotFound, ValueError):
        names = []
    host = settings.site.myhostname.lower()
    if host not in names and "*." + host.partition(".")[2] not in names:
        listed = ", ".join(names) or "no host"
        yield warning(
            f"the certificate in {file} is for {listed}, not for {host}",
            "clients that connect to that name will warn",
        )
