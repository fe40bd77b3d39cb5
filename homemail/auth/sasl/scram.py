# SPDX-License-Identifier: MIT
"""SCRAM: the client proves that it knows the password without sending it, and so does the server.

With -PLUS it also proves that both see the same TLS connection: nobody stands in between.

Source: RFC 5802 §5, RFC 5802 §6, RFC 7677 §3.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from dataclasses import dataclass
from functools import partial

from homemail.auth.prepare import prepare
from homemail.auth.sasl.dialogue import (
    BadResponse,
    Dialogue,
    Failed,
    Mechanism,
    Proven,
    Scene,
    Shows,
    recall,
    send,
    text_of,
)
from homemail.auth.scram_verifier import ScramVerifier

# gs2-header: no channel binding ("n"), or the client could but thinks that we cannot ("y"), or
# it binds ("p=TYPE").
_CLIENT_FIRST = re.compile(
    r"(?P<gs2>(?:[ny]|p=(?P<type>[A-Za-z0-9.-]+)),(?:a=(?P<authzid>[^,]+))?,)"
    r"(?P<bare>n=(?P<name>[^,]+),r=(?P<nonce>[!-+\--~]+)(?:,[A-Za-z]=[^,]+)*)"
)
_CLIENT_FINAL = re.compile(
    r"(?P<unproven>c=(?P<binding>[^,]+),r=(?P<nonce>[!-+\--~]+)(?:,[A-Za-z]=[^,]+)*)"
    r",p=(?P<proof>[^,]+)"
)


@dataclass(frozen=True, slots=True)
class _ClientFirst:
    gs2: str
    binding_type: str
    authzid: str
    name: str
    nonce: str
    bare: str


def scram(digest: str, scheme: str, binds: bool, scene: Scene) -> Dialogue:
    """Take the client's first message, answer with salt and nonce, take and check its proof."""
    first = _parse_first(text_of((yield from send())))
    bound = _binding(first, scene, binds)
    verifier = yield from recall(first.name, scheme)
    both_nonces = first.nonce + scene.nonce()
    salt = base64.b64encode(verifier.salt).decode()
    server_first = f"r={both_nonces},s={salt},i={verifier.iterations}"
    match = _CLIENT_FINAL.fullmatch(text_of((yield from send(server_first.encode()))))
    if not match:
        raise BadResponse
    if not hmac.compare_digest(_decode(match["binding"]), first.gs2.encode() + bound):
        return Failed(first.name)
    if match["nonce"] != both_nonces:
        return Failed(first.name)
    auth_message = f"{first.bare},{server_first},{match['unproven']}".encode()
    if not _proves(verifier, digest, auth_message, _decode(match["proof"])):
        return Failed(first.name)
    signature = hmac.digest(verifier.server_key, auth_message, digest)
    return Proven(first.name, b"v=" + base64.b64encode(signature), first.authzid)


def _binding(first: _ClientFirst, scene: Scene, binds: bool) -> bytes:
    """Return the data that both sides must see.

    Source: RFC 5802 §6.
    """
    if binds != bool(first.binding_type):
        raise BadResponse
    if first.gs2.startswith("y") and scene.binding_offered:
        raise BadResponse  # somebody took -PLUS out of what we announced
    if binds and first.binding_type not in scene.bindings:
        raise BadResponse
    return scene.bindings[first.binding_type] if binds else b""


def _parse_first(text: str) -> _ClientFirst:
    match = _CLIENT_FIRST.fullmatch(text)
    if not match:
        raise BadResponse
    authzid = _sasl_name(match["authzid"] or "")
    return _ClientFirst(
        match["gs2"],
        match["type"] or "",
        authzid,
        _sasl_name(match["name"]),
        match["nonce"],
        match["bare"],
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


def _mechanism(digest: str, scheme: str, *, binds: bool) -> Mechanism:
    begin = partial(scram, digest, scheme, binds)
    name = f"{scheme}-PLUS" if binds else scheme
    return Mechanism(name, begin, Shows.PROOF, scheme=scheme, binds=binds)


SCRAM_SHA_256_PLUS = _mechanism("sha256", "SCRAM-SHA-256", binds=True)
SCRAM_SHA_256 = _mechanism("sha256", "SCRAM-SHA-256", binds=False)
SCRAM_SHA_1_PLUS = _mechanism("sha1", "SCRAM-SHA-1", binds=True)
SCRAM_SHA_1 = _mechanism("sha1", "SCRAM-SHA-1", binds=False)
