# SPDX-License-Identifier: MIT
"""What a server keeps of a password for SCRAM.

Written as Dovecot writes it: ``{SCRAM-SHA-256}15000,SALT,STOREDKEY,SERVERKEY``, the last three in
base64.

Source: RFC 5802 §3.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from dataclasses import dataclass

ITERATIONS = 15_000  # RFC 7677 §4: every client has to do them at each login; 4096 are the least
_MOST_ITERATIONS = 10_000_000
_SALT_OCTETS = 16


@dataclass(frozen=True, slots=True)
class ScramVerifier:
    """Salt, iterations and the two keys, for the hash ``digest`` (``sha1``, ``sha256``)."""

    digest: str
    iterations: int
    salt: bytes
    stored_key: bytes
    server_key: bytes

    @classmethod
    def make(
        cls, digest: str, password: bytes, *, salt: bytes = b"", iterations: int = ITERATIONS
    ) -> ScramVerifier:
        """Return the verifier of ``password``; without ``salt`` one is drawn."""
        salt = salt or secrets.token_bytes(_SALT_OCTETS)
        salted = hashlib.pbkdf2_hmac(digest, password, salt, iterations)
        client_key = hmac.digest(salted, b"Client Key", digest)
        return cls(
            digest,
            iterations,
            salt,
            hashlib.new(digest, client_key).digest(),
            hmac.digest(salted, b"Server Key", digest),
        )

    @classmethod
    def parse(cls, digest: str, value: str) -> ScramVerifier:
        """Return what ``format`` wrote.

        Raises:
            ValueError: it is something else.
        """
        iterations, salt, stored_key, server_key = value.split(",")
        if not (iterations.isascii() and iterations.isdigit()):
            raise ValueError("iterations that are no number")
        if not 0 < int(iterations) <= _MOST_ITERATIONS:
            raise ValueError("iterations out of range")
        keys = [_decode(text) for text in (salt, stored_key, server_key)]
        size = hashlib.new(digest).digest_size
        if not keys[0] or len(keys[1]) != size or len(keys[2]) != size:
            raise ValueError("keys of the wrong length")
        return cls(digest, int(iterations), *keys)

    def format(self) -> str:
        keys = (self.salt, self.stored_key, self.server_key)
        return ",".join([str(self.iterations), *(base64.b64encode(k).decode() for k in keys)])

    def matches(self, password: bytes) -> bool:
        """Return whether this is the verifier of ``password``."""
        other = ScramVerifier.make(
            self.digest, password, salt=self.salt, iterations=self.iterations
        )
        return hmac.compare_digest(self.stored_key, other.stored_key)


def _decode(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except ValueError:
        raise ValueError("not base64") from None
