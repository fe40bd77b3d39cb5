# SPDX-License-Identifier: MIT
"""Settings of TLS as a server: the certificate, and how old a client may be."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from homemail.config.declare import Choice, FilePath, setting


@dataclass(frozen=True, slots=True)
class TlsSettings:
    """The certificate that clients see, and the oldest TLS they may speak."""

    tls_certificate_file: Path | None = setting(
        None,
        FilePath(optional=True),
        "The server's certificate and what links it to a known authority, PEM; empty: no TLS.",
        postfix="smtpd_tls_cert_file",
    )
    tls_key_file: Path | None = setting(
        None,
        FilePath(optional=True),
        "The certificate's private key, PEM; empty: it is in tls_certificate_file.",
        postfix="smtpd_tls_key_file",
    )
    tls_minimum_version: str = setting(
        "TLSv1.2",
        Choice(("TLSv1.2", "TLSv1.3")),
        "The oldest version of TLS that a client may use.",
    )
