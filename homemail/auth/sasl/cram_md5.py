# SPDX-License-Identifier: MIT
"""CRAM-MD5, and POP3's APOP: for clients that are older than SCRAM.

The server has to store the password itself for them.

Source: RFC 2195 §2, RFC 1939 §7.
"""

from __future__ import annotations

import hashlib
import hmac

from homemail.auth.prepare import prepare_password
from homemail.auth.sasl.dialogue import (
    BadResponse,
    Dialogue,
    Failed,
    Mechanism,
    Proven,
    Scene,
    Shows,
    recall_password,
    send,
    text_of,
)


def cram_md5(scene: Scene) -> Dialogue:
    """Send a challenge; take the name and the HMAC of the challenge under the password."""
    digits = scene.nonce().encode().hex()
    challenge = f"<{digits}@{scene.host}>".encode()
    name, space, digest = text_of((yield from send(challenge))).rpartition(" ")
    if not space or not name:
        raise BadResponse
    password = prepare_password((yield from recall_password(name)))
    expected = hmac.digest(password, challenge, "md5").hex()
    if not hmac.compare_digest(digest.lower().encode(), expected.encode()):
        return Failed(name)
    return Proven(name)


def apop_digest(timestamp: str, password: bytes) -> str:
    """Return what a client proves itself with by APOP.

    Source: RFC 1939 §7.
    """
    return hashlib.md5(timestamp.encode() + password, usedforsecurity=False).hexdigest()


CRAM_MD5 = Mechanism("CRAM-MD5", cram_md5, Shows.PROOF, scheme="PLAIN")
