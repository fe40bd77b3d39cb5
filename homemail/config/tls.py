# SPDX-License-Identifier: MIT
"""Settings of TLS as a server: the certificates, and what is asked of clients."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from homemail.config.declare import Choice, FilePath, FilePaths, setting
from homemail.errors import ConfigError

_LEVELS = Choice(("may", "encrypt", "none"))


@dataclass(frozen=True, slots=True)
class TlsSettings:
    """The certificates that clients see, the oldest TLS they may speak, and where they must."""

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
    tls_sni_files: tuple[Path, ...] = setting(
        (),
        FilePaths(),
        "More certificates, each PEM file with its key, for clients that ask for a host in it.",
        postfix="tls_server_sni_maps",
    )
    tls_client_ca_file: Path | None = setting(
        None,
        FilePath(optional=True),
        "Authorities whose certificates prove who a client is (EXTERNAL), PEM; empty: none.",
        postfix="smtpd_tls_CAfile",
    )
    smtpd_tls_security_level: str = setting(
        "may",
        _LEVELS,
        "STARTTLS on the port of other servers: offered (may), demanded (encrypt), none.",
        postfix=True,
    )
    submission_tls_security_level: str = setting(
        "may", _LEVELS, "The same for submission; passwords go over TLS anyway."
    )
    lmtp_tls_security_level: str = setting("may", _LEVELS, "The same for LMTP.")
    imap_tls_security_level: str = setting("may", _LEVELS, "The same for IMAP.")
    pop3_tls_security_level: str = setting("may", _LEVELS, "The same for POP3.")
    managesieve_tls_security_level: str = setting("may", _LEVELS, "The same for ManageSieve.")

    def __post_init__(self) -> None:
        for service in ("smtpd", "submission", "lmtp", "imap", "pop3", "managesieve"):
            name = f"{service}_tls_security_level"
            if getattr(self, name) == "encrypt" and self.tls_certificate_file is None:
                raise ConfigError("TLS is demanded, but there is no certificate", parameter=name)

    def level(self, service: str) -> str:
        """Return the security level of a service: a name of ``PortSettings``."""
        of = "smtpd" if service == "smtp" else service
        return str(getattr(self, f"{of}_tls_security_level"))
