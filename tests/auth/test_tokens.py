# SPDX-License-Identifier: MIT
"""Access tokens: JSON Web Tokens, and an issuer that is asked."""

from __future__ import annotations

import asyncio
import base64
import dataclasses
import json
import urllib.error

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from homemail.auth.jwt import BadToken, UnknownKey, claims_of
from homemail.auth.tokens import TokenServer
from homemail.config.auth import AuthSettings
from homemail.errors import Temporary

NOW = 1_700_000_000.0
CLAIMS = {"exp": NOW + 300, "email": "alice@home.test", "iss": "https://issuer.test"}


def b64(data: bytes | int) -> str:
    if isinstance(data, int):
        data = data.to_bytes((data.bit_length() + 7) // 8, "big")
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


RSA = rsa.generate_private_key(65537, 2048)
RSA_JWK = {
    "kty": "RSA",
    "kid": "r",
    "n": b64(RSA.public_key().public_numbers().n),
    "e": b64(65537),
}
P256 = ec.generate_private_key(ec.SECP256R1())
P256_JWK = {
    "kty": "EC",
    "crv": "P-256",
    "kid": "e",
    "x": b64(P256.public_key().public_numbers().x.to_bytes(32, "big")),
    "y": b64(P256.public_key().public_numbers().y.to_bytes(32, "big")),
}
ED = ed25519.Ed25519PrivateKey.generate()
ED_JWK = {
    "kty": "OKP",
    "crv": "Ed25519",
    "kid": "d",
    "x": b64(ED.public_key().public_bytes_raw()),
}
KEYS = [RSA_JWK, P256_JWK, ED_JWK]


def sign(algorithm: str, text: bytes) -> bytes:
    if algorithm == "RS256":
        return RSA.sign(text, padding.PKCS1v15(), hashes.SHA256())
    if algorithm == "PS256":
        return RSA.sign(text, padding.PSS(padding.MGF1(hashes.SHA256()), 32), hashes.SHA256())
    if algorithm == "ES256":
        r, s = decode_dss_signature(P256.sign(text, ec.ECDSA(hashes.SHA256())))
        return r.to_bytes(32, "big") + s.to_bytes(32, "big")
    return ED.sign(text)


def token(algorithm: str = "RS256", kid: str = "r", claims: object = CLAIMS, **header) -> str:
    head = b64(json.dumps({"alg": algorithm, "kid": kid, **header}).encode())
    text = f"{head}.{b64(json.dumps(claims).encode())}"
    return f"{text}.{b64(sign(algorithm, text.encode()))}"


@pytest.mark.parametrize(
    ("algorithm", "kid"), [("RS256", "r"), ("PS256", "r"), ("ES256", "e"), ("EdDSA", "d")]
)
def test_a_signature_is_checked(algorithm, kid):
    good = token(algorithm, kid)
    assert claims_of(good, KEYS, NOW)["email"] == "alice@home.test"
    head, body, signature = good.split(".")
    changed = b64(json.dumps({**CLAIMS, "email": "bob@home.test"}).encode())
    with pytest.raises(BadToken):
        claims_of(f"{head}.{changed}.{signature}", KEYS, NOW)
    with pytest.raises(BadToken):
        claims_of(f"{head}.{body}.{b64(b'0' * 64)}", KEYS, NOW)


@pytest.mark.parametrize(
    "bad",
    [
        "",
        "a.b",
        "a.b.c",
        "!.!.!",
        f"{b64(b'[]')}.{b64(b'{}')}.AAAA",
        f"{b64(b'{}')}.{b64(b'{}')}.AAAA",
        f"{b64(b'[' * 5000)}.{b64(b'{}')}.AAAA",
        token(crit=["x"]),
        token("RS256", "e"),  # a key of another kind
        token(claims={**CLAIMS, "exp": NOW - 61}),
        token(claims={**CLAIMS, "exp": "soon"}),
        token(claims={**CLAIMS, "nbf": NOW + 61}),
        token(claims={"email": "alice@home.test"}),
        token(claims=[]),
    ],
    ids=range(14),
)
def test_what_proves_nothing(bad):
    with pytest.raises(BadToken):
        claims_of(bad, KEYS, NOW)


@pytest.mark.parametrize("algorithm", ["none", "HS256", "HS512"])
def test_nobody_signs_with_what_everybody_knows(algorithm):
    head = b64(json.dumps({"alg": algorithm, "kid": "r"}).encode())
    with pytest.raises(BadToken):
        claims_of(f"{head}.{b64(json.dumps(CLAIMS).encode())}.AAAA", KEYS, NOW)


def test_an_unknown_key():
    with pytest.raises(UnknownKey):
        claims_of(token(), [P256_JWK], NOW)


class Issuer:
    def __init__(self, answer: object = None) -> None:
        self.answer, self.asked = answer, []

    def __call__(self, request):
        self.asked.append(request)
        if isinstance(self.answer, Exception):
            raise self.answer
        return json.dumps(self.answer).encode()


def server(issuer: Issuer, *, jwks: bool = True, now=lambda: NOW, **more) -> TokenServer:
    url = "oauth_jwks_url" if jwks else "oauth_introspection_url"
    settings = dataclasses.replace(AuthSettings(), **{url: "https://issuer.test/x"}, **more)
    return TokenServer(settings, fetch=issuer, now=now)


def name_of(tokens: TokenServer, text: str) -> str:
    return asyncio.run(tokens.name_of(text))


def test_keys_are_fetched_once_and_again_for_a_new_one():
    issuer, clock = Issuer({"keys": [P256_JWK]}), [NOW]
    tokens = server(issuer, now=lambda: clock[0])
    assert name_of(tokens, token("ES256", "e")) == "alice@home.test"
    assert name_of(tokens, token()) == ""
    assert len(issuer.asked) == 1  # a flood of bad tokens asks nobody
    issuer.answer, clock[0] = {"keys": KEYS}, NOW + 61
    assert name_of(tokens, token()) == "alice@home.test"
    assert len(issuer.asked) == 2


@pytest.mark.parametrize(
    ("setting", "claim", "name"),
    [
        ({"oauth_issuer": "https://issuer.test"}, {}, "alice@home.test"),
        ({"oauth_issuer": "https://other.test"}, {}, ""),
        ({"oauth_audience": "mail"}, {"aud": ["web", "mail"]}, "alice@home.test"),
        ({"oauth_audience": "mail"}, {"aud": "web"}, ""),
        ({"oauth_audience": "mail"}, {}, ""),
        ({"oauth_scope": "imap"}, {"scope": "openid imap"}, "alice@home.test"),
        ({"oauth_scope": "imap"}, {"scope": "openid"}, ""),
        ({"oauth_username_claim": "sub"}, {"sub": "al"}, "al"),
        ({"oauth_username_claim": "sub"}, {}, ""),
        ({"oauth_username_claim": "sub"}, {"sub": 7}, ""),
    ],
)
def test_claims(setting, claim, name):
    tokens = server(Issuer({"keys": KEYS}), **setting)
    assert name_of(tokens, token(claims={**CLAIMS, **claim})) == name


def test_introspection(tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("s:1\n")
    issuer = Issuer({"active": True, "email": "alice@home.test"})
    tokens = server(issuer, jwks=False, oauth_client_id="mail", oauth_client_secret_file=secret)
    assert name_of(tokens, "abc") == "alice@home.test"
    [request] = issuer.asked
    assert b"token=abc" in request.data
    basic = base64.b64decode(request.get_header("Authorization").split()[1])
    assert basic == b"mail:s%3A1"
    issuer.answer = {"active": False, "email": "alice@home.test"}
    assert name_of(tokens, "abc") == ""


@pytest.mark.parametrize("answer", [urllib.error.URLError("down"), [], ValueError("no JSON")])
@pytest.mark.parametrize("jwks", [True, False])
def test_an_issuer_that_is_down_is_no_refusal(answer, jwks):
    with pytest.raises(Temporary):
        name_of(server(Issuer(answer), jwks=jwks), token())
