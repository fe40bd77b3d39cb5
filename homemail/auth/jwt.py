# SPDX-License-Identifier: MIT
"""Access tokens that prove themselves: JSON Web Tokens, checked with their issuer's keys. No IO.

Source: RFC 7515 §5.2, RFC 7517 §4, RFC 7519 §7.2.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

Jwk = Mapping[str, Any]
_LEEWAY_SECONDS = 60.0

_CURVES: dict[str, tuple[type[ec.EllipticCurve], int]] = {
    "P-256": (ec.SECP256R1, 32),
    "P-384": (ec.SECP384R1, 48),
    "P-521": (ec.SECP521R1, 66),
}


class BadToken(Exception):
    """A token that proves nothing; the text is for the log."""


class UnknownKey(BadToken):
    """It is signed with a key that is not among those known: perhaps there are new ones."""


def claims_of(token: str, keys: Sequence[Jwk], now: float) -> dict[str, Any]:
    """Return the claims in ``token``, signed with one of ``keys`` and in force at ``now``.

    Raises:
        BadToken: it is none, has another signature, or its time is not now.
    """
    try:
        head, body, signature = token.split(".")
        header, claims = json.loads(_decode(head)), json.loads(_decode(body))
        octets = _decode(signature)
    except (ValueError, RecursionError) as error:
        raise BadToken("not a signed JSON Web Token") from error
    if not isinstance(header, dict) or not isinstance(claims, dict) or "crit" in header:
        raise BadToken("not a signed JSON Web Token that is understood here")
    check = _CHECKS.get(str(header.get("alg")))
    if check is None:
        raise BadToken("an algorithm that is not accepted")
    key = _key_for(header, keys)
    try:
        check(key, octets, f"{head}.{body}".encode())
    except (InvalidSignature, ValueError, KeyError, TypeError) as error:
        raise BadToken("a wrong signature") from error
    _check_times(claims, now)
    return claims


def _key_for(header: Mapping[str, Any], keys: Sequence[Jwk]) -> Jwk:
    """Return the key that the header names, or the only one where it names none."""
    kid = header.get("kid")
    usable = [
        key
        for key in keys
        if key.get("use", "sig") == "sig" and key.get("alg", header["alg"]) == header["alg"]
    ]
    found = [key for key in usable if kid is None or key.get("kid") == kid]
    if len(found) != 1:
        raise UnknownKey("a key that is not known")
    return found[0]


def _check_times(claims: Mapping[str, Any], now: float) -> None:
    for name in ("exp", "nbf"):
        value = claims.get(name)
        if value is not None and (isinstance(value, bool) or not isinstance(value, int | float)):
            raise BadToken("a time that is none")
    if "exp" not in claims or now >= claims["exp"] + _LEEWAY_SECONDS:
        raise BadToken("it has expired, or never does")
    if now < claims.get("nbf", now) - _LEEWAY_SECONDS:
        raise BadToken("it is not in force yet")


def _rsa(key: Jwk) -> rsa.RSAPublicKey:
    if key.get("kty") != "RSA":
        raise ValueError("not an RSA key")
    found = rsa.RSAPublicNumbers(_number(key["e"]), _number(key["n"])).public_key()
    if found.key_size < 2048:
        raise ValueError("an RSA key that is too short")
    return found


def _check_pkcs1(algorithm: hashes.HashAlgorithm) -> Callable[[Jwk, bytes, bytes], None]:
    def check(key: Jwk, signature: bytes, text: bytes) -> None:
        _rsa(key).verify(signature, text, padding.PKCS1v15(), algorithm)

    return check


def _check_pss(algorithm: hashes.HashAlgorithm) -> Callable[[Jwk, bytes, bytes], None]:
    def check(key: Jwk, signature: bytes, text: bytes) -> None:
        pss = padding.PSS(padding.MGF1(algorithm), algorithm.digest_size)
        _rsa(key).verify(signature, text, pss, algorithm)

    return check


def _check_ecdsa(
    curve: str, algorithm: hashes.HashAlgorithm
) -> Callable[[Jwk, bytes, bytes], None]:
    def check(key: Jwk, signature: bytes, text: bytes) -> None:
        kind, size = _CURVES[curve]
        if key.get("kty") != "EC" or key.get("crv") != curve or len(signature) != 2 * size:
            raise ValueError("not a key or signature of that curve")
        numbers = ec.EllipticCurvePublicNumbers(_number(key["x"]), _number(key["y"]), kind())
        r, s = signature[:size], signature[size:]
        der = encode_dss_signature(int.from_bytes(r, "big"), int.from_bytes(s, "big"))
        numbers.public_key().verify(der, text, ec.ECDSA(algorithm))

    return check


def _check_eddsa(key: Jwk, signature: bytes, text: bytes) -> None:
    if key.get("kty") != "OKP" or key.get("crv") != "Ed25519":
        raise ValueError("not an Ed25519 key")
    ed25519.Ed25519PublicKey.from_public_bytes(_decode(key["x"])).verify(signature, text)


# No symmetric ones: who checks a token must not be able to make one. RFC 7518 §3.1.
_CHECKS: dict[str, Callable[[Jwk, bytes, bytes], None]] = {
    "RS256": _check_pkcs1(hashes.SHA256()),
    "RS384": _check_pkcs1(hashes.SHA384()),
    "RS512": _check_pkcs1(hashes.SHA512()),
    "PS256": _check_pss(hashes.SHA256()),
    "PS384": _check_pss(hashes.SHA384()),
    "PS512": _check_pss(hashes.SHA512()),
    "ES256": _check_ecdsa("P-256", hashes.SHA256()),
    "ES384": _check_ecdsa("P-384", hashes.SHA384()),
    "ES512": _check_ecdsa("P-521", hashes.SHA512()),
    "EdDSA": _check_eddsa,
}


def _number(text: str) -> int:
    return int.from_bytes(_decode(text), "big")


def _decode(text: str) -> bytes:
    if not isinstance(text, str) or not text.isascii() or "=" in text:
        raise ValueError("not base64url")
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
