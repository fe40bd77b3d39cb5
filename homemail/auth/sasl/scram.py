# SPDX-License-Identifier: MIT
"""SCRAM: the client proves that it knows the password without sending it, and so does the server.

Source: RFC 5802 §5, RFC 7677 §3.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Callable
from dataclasses import dataclass

from homemail.auth.prepare import prepare
from homemail.auth.sasl.dialogue import (
    BadResponse,
    Dialogue,
    Failed,
    Mechanism,
    Proven,
    recall,
    send,
    text_of,
)
from homemail.auth.scram_verifier import ScramVerifier

# gs2-header: no channel binding ("n"), or the client could but thinks that we cannot ("y").
_CLIENT_FIRST = re.compile(
    r"(?P<gs2>[ny],(?:a=(?P<authzid>[^,]+))?,)"
    r"(?P<bare>n=(?P<name>[^,]+),r=(?P<nonce>[!-+\--~]+)(?:,[A-Za-z]=[^,]+)*)"
)
_CLIENT_FINAL = re.compile(
    r"(?P<unproven>c=(?P<binding>[^,]+),r=(?P<nonce>[!-+\--~]+)(?:,[A-Za-z]=[^,]+)*)"
    r",p=(?P<proof>[^,]+)"
)


@dataclass(frozen=True, slots=True)
class _ClientFirst:
    gs2: str
    authzid: str
    name: str
    nonce: str
    bare: str


def scram(digest: str, scheme: str, nonce: Callable[[], str]) -> Dialogue:
    """Take the client's first message, answer with salt and nonce, take and check its proof."""
    first = _parse_first(text_of((yield from send())))
    verifier = yield from recall(first.name, scheme)
    both_nonces = first.nonce + nonce()
    salt = base64.b64encode(verifier.salt).decode()
    server_first = f"r={both_nonces},s={salt},i={verifier.iterations}"
    match = _CLIENT_FINAL.fullmatch(text_of((yield from send(server_first.encode()))))
    if not match or _decode(match["binding"]) != first.gs2.encode():
        raise BadResponse
    if match["nonce"] != both_nonces:
        return Failed(first.name)
    auth_message = f"{first.bare},{server_first},{match['unproven']}".encode()
    if not _proves(verifier, digest, auth_message, _decode(match["proof"])):
        return Failed(first.name)
    signature = hmac.digest(verifier.server_key, auth_message, digest)
    return Proven(first.name, b"v=" + base64.b64encode(signature), first.authzid)


def _parse_first(text: str) -> _ClientFirst:
    match = _CLIENT_FIRST.fullmatch(text)
    if not match:
        raise BadResponse
    authzid = _sasl_name(match["authzid"] or "")
    return _ClientFirst(
        match["gs2"], authzid, _sasl_name(match["name"]), match["nonce"], match["bare"]
    )


def _sasl_name(text: str) -> str:
    """Return the name in a saslname: ``=2C`` is a comma, ``=3D`` an equals sign."""
    if re.search(r"=(?!2C|3D)", text):
        raise BadResponse
    try:
        return prepare(text.replace("=2C", ",").replace("=3D", "="))
    except ValueError:
        raise BadResponse from None


def _proves(verifier: ScramVerifier, digest: str, auth_message: bytes, proof: bytes) -> bool:
    signature = hmac.digest(verifier.stored_key, auth_message, digest)
    if len(proof) != len(signature):
        return False
    client_key = bytes(a ^ b for a, b in zip(proof, signature, strict=True))
    return hmac.compare_digest(hashlib.new(digest, client_key).digest(), verifier.stored_key)


def _decode(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except ValueError:
        raise BadResponse from None


def scram_sha_256(nonce: Callable[[], str]) -> Dialogue:
    """SCRAM with SHA-256."""
    return scram("sha256", "SCRAM-SHA-256", nonce)


SCRAM_SHA_256 = Mechanism("SCRAM-SHA-256", scram_sha_256, scheme="SCRAM-SHA-256")
