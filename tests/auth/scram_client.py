# SPDX-License-Identifier: MIT
"""The client's half of SCRAM, written from RFC 5802 alone."""

from __future__ import annotations

import base64
import hashlib
import hmac


class ScramClient:
    """One exchange; ``salt_password`` counts what a client has to compute."""

    def __init__(
        self,
        name: str,
        password: str,
        *,
        authzid: str = "",
        nonce: str = "abc",
        digest: str = "sha256",
        flag: str = "n",
        binding: bytes = b"",
    ) -> None:
        self.digest, self.binding = digest, binding
        self.gs2 = f"{flag},{f'a={authzid}' if authzid else ''},"
        self.bare = f"n={name},r={nonce}"
        self.password = password.encode()

    def first(self) -> bytes:
        return (self.gs2 + self.bare).encode()

    def final(self, server_first: bytes) -> bytes:
        fields = dict(part.split("=", 1) for part in server_first.decode().split(","))
        salted = hashlib.pbkdf2_hmac(
            self.digest, self.password, base64.b64decode(fields["s"]), int(fields["i"])
        )
        key = hmac.digest(salted, b"Client Key", self.digest)
        bound = base64.b64encode(self.gs2.encode() + self.binding).decode()
        without_proof = f"c={bound},r={fields['r']}"
        message = f"{self.bare},{server_first.decode()},{without_proof}".encode()
        signature = hmac.digest(hashlib.new(self.digest, key).digest(), message, self.digest)
        proof = bytes(a ^ b for a, b in zip(key, signature, strict=True))
        server_key = hmac.digest(salted, b"Server Key", self.digest)
        self.expected = b"v=" + base64.b64encode(hmac.digest(server_key, message, self.digest))
        return f"{without_proof},p={base64.b64encode(proof).decode()}".encode()
