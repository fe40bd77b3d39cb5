# SPDX-License-Identifier: MIT
"""Certificates in both TLS stacks: which one a client sees, and new ones without a restart.

asyncio's (SMTP) and pyOpenSSL's (the rest) contexts are made of the same files and rules. Each has
a context in front that takes the connection; when the client has said which host it wants, the
connection gets the context of the certificate for that name, else of the first one. The files are
looked at, at most once a second, when a connection begins: connections that have begun go on with
what they have, and while new files do not go together the old ones stay.
"""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from homemail.config.tls import TlsSettings
from homemail.errors import ConfigError
from homemail.log import Log
from homemail.model.certificate import end_point, host_names

log = Log("tls")

_LOOK_SECONDS = 1.0
_VERSIONS = {"TLSv1.2": ssl.TLSVersion.TLSv1_2, "TLSv1.3": ssl.TLSVersion.TLSv1_3}
# Of TLS 1.2 only what keeps recorded traffic safe when the key is stolen; TLS 1.3 has no other.
_CIPHERS = "ECDHE+AESGCM:ECDHE+CHACHA20:ECDHE+AES:!kRSA"

ALPN: dict[str, tuple[str, ...]] = {
    "smtp": ("smtp",),
    "imap": ("imap",),
    "pop3": ("pop3",),
    "managesieve": ("managesieve",),
}
"""What a client may ask for in the handshake (RFC 7301 §6), by protocol."""


class ServerContext(ssl.SSLContext):
    """An asyncio context; ``end_point`` is its channel binding data (RFC 5929 §4.1)."""

    end_point: bytes = b""


@dataclass(frozen=True, slots=True)
class _Identity:
    """One certificate in the contexts of both stacks, pyOpenSSL's by protocol."""

    names: tuple[str, ...]
    asyncio: ServerContext
    openssl: dict[str, Any]


class Certificates:
    """The certificates of ``settings``, as they are now. ``now`` is a monotonic clock."""

    def __init__(
        self, settings: TlsSettings, first: Path, now: Callable[[], float] = time.monotonic
    ) -> None:
        """Load them.

        Raises:
            ConfigError: a file cannot be read, or the two do not belong together.
        """
        self._settings = settings
        self._now = now
        self._pairs = [(first, settings.tls_key_file or first, "tls_certificate_file")]
        self._pairs += [(file, file, "tls_sni_files") for file in settings.tls_sni_files]
        self._looked_at = now()
        self._facts = self._look()
        self._identities = self._load()
        self.asyncio = self._front()
        self._openssl = {protocol: self._openssl_front(protocol) for protocol in ALPN}

    def openssl(self, protocol: str) -> Any:
        """Return the pyOpenSSL context that takes the connections of ``protocol``."""
        return self._openssl[protocol]

    def choose(self, name: str) -> _Identity:
        """Return the certificate for the host ``name``; the first where it has none."""
        self._refresh()
        name = name.lower().rstrip(".")
        wildcard = "*." + name.partition(".")[2]
        for wanted in (name, wildcard):
            for identity in self._identities:
                if wanted in identity.names:
                    return identity
        return self._identities[0]

    def _refresh(self) -> None:
        """Load the files again when they have changed."""
        if self._now() - self._looked_at < _LOOK_SECONDS:
            return
        self._looked_at = self._now()
        facts = self._look()
        if facts == self._facts:
            return
        try:
            self._identities = self._load()
        except ConfigError as error:
            log.error("the new certificate is not used", why=error)
        else:
            log.info("certificates were read again")
        self._facts = facts  # what is wrong is told once, and tried again when it has changed

    def _look(self) -> list[tuple[int, ...]]:
        files = [file for certificate, key, _ in self._pairs for file in (certificate, key)]
        if self._settings.tls_client_ca_file:
            files.append(self._settings.tls_client_ca_file)
        return [_facts(file) for file in files]

    def _load(self) -> list[_Identity]:
        return [self._identity(*pair) for pair in self._pairs]

    def _identity(self, certificate: Path, key: Path, parameter: str) -> _Identity:
        from OpenSSL import SSL

        try:
            context = self._asyncio_context()
            context.load_cert_chain(certificate, key)
            own = _first_certificate(certificate)
            context.end_point = end_point(own)
            openssl = {protocol: self._openssl_context(protocol) for protocol in ALPN}
            for one in openssl.values():
                one.use_certificate_chain_file(str(certificate))
                one.use_privatekey_file(str(key))
                one.check_privatekey()
                one.end_point = context.end_point
        except (OSError, ValueError, ssl.SSLError, SSL.Error) as error:
            raise ConfigError(
                f"the certificate {certificate} with the key {key} cannot be used: {error}",
                parameter=parameter,
            ) from error
        return _Identity(host_names(own), context, openssl)

    def _asyncio_context(self) -> ServerContext:
        context = ServerContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = _VERSIONS[self._settings.tls_minimum_version]
        context.options |= (
            ssl.OP_NO_RENEGOTIATION | ssl.OP_CIPHER_SERVER_PREFERENCE | ssl.OP_NO_COMPRESSION
        )
        context.set_ciphers(_CIPHERS)
        context.set_alpn_protocols(list(ALPN["smtp"]))
        if self._settings.tls_client_ca_file:
            context.load_verify_locations(self._settings.tls_client_ca_file)
            context.verify_mode = ssl.CERT_OPTIONAL
        return context

    def _openssl_context(self, protocol: str) -> Any:
        from OpenSSL import SSL

        context = SSL.Context(SSL.TLS_SERVER_METHOD)
        context.set_min_proto_version(int(_VERSIONS[self._settings.tls_minimum_version]))
        context.set_options(
            SSL.OP_NO_COMPRESSION
            | SSL.OP_CIPHER_SERVER_PREFERENCE
            | getattr(SSL, "OP_NO_RENEGOTIATION", 0x40000000)
        )
        context.set_cipher_list(_CIPHERS.encode())
        context.set_session_id(b"homemail")
        context.set_alpn_select_callback(_alpn_chooser(ALPN[protocol]))
        if self._settings.tls_client_ca_file:
            file = str(self._settings.tls_client_ca_file)
            context.load_verify_locations(file)
            context.load_client_ca(file.encode())
            context.set_verify(SSL.VERIFY_PEER, lambda *facts: bool(facts[-1]))
        return context

    def _front(self) -> ServerContext:
        def pick(connection: Any, name: str | None, _: ssl.SSLContext) -> None:
            connection.context = self.choose(name or "").asyncio

        context = self._asyncio_context()
        context.load_cert_chain(self._pairs[0][0], self._pairs[0][1])
        context.sni_callback = pick
        return context

    def _openssl_front(self, protocol: str) -> Any:
        def pick(connection: Any) -> None:
            name = (connection.get_servername() or b"").decode("ascii", "replace")
            connection.set_context(self.choose(name).openssl[protocol])

        context = self._openssl_context(protocol)
        context.use_certificate_chain_file(str(self._pairs[0][0]))
        context.use_privatekey_file(str(self._pairs[0][1]))
        context.set_tlsext_servername_callback(pick)
        return context


def _first_certificate(file: Path) -> bytes:
    """Return the certificate in a PEM file, not those of the authorities behind it, as DER."""
    begin = "-----BEGIN CERTIFICATE-----"
    text = file.read_text("ascii", "replace")
    _, found, rest = text.partition(begin)
    if not found:
        raise ValueError("no certificate in it")
    end = "-----END CERTIFICATE-----"
    return ssl.PEM_cert_to_DER_cert(begin + rest.partition(end)[0] + end)


def _alpn_chooser(spoken: tuple[str, ...]) -> Callable[[Any, list[bytes]], Any]:
    from OpenSSL import SSL

    def choose(_: Any, wanted: list[bytes]) -> Any:
        for protocol in spoken:
            if protocol.encode() in wanted:
                return protocol.encode()
        # Clients that name something else out of habit have always been served.
        return SSL.NO_OVERLAPPING_PROTOCOLS

    return choose


def _facts(file: Path) -> tuple[int, ...]:
    try:
        found = file.stat()
    except OSError:
        return ()
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns
