# SPDX-License-Identifier: MIT
"""Password schemes: which ``{SCHEME}value`` matches a password, and what new ones look like.

The names are Dovecot's; ``.b64``, ``.base64`` and ``.hex`` behind one say how the value is
written. A secret without ``{…}`` is of the scheme CRYPT. Verifying takes tens of milliseconds by
design: never call it on the loop.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import secrets
from collections.abc import Callable, Sequence
from functools import cache

import argon2
import bcrypt
from argon2.low_level import Type, hash_secret, verify_secret
from passlib import hash as passlib_hash

from homemail.auth import libcrypt, pam
from homemail.auth.prepare import prepare, prepare_password
from homemail.auth.scram_verifier import ScramVerifier
from homemail.auth.secret import SECRET, scheme_of
from homemail.log import Log

log = Log("auth")

_ARGON2_SALT_OCTETS = 16
_BCRYPT_OCTETS = 72
_APP_SALT_OCTETS = 16
_CRYPT_NAMES = frozenset({"CRYPT", "DES-CRYPT", "MD5", "MD5-CRYPT"})
_STRONG_CRYPT = ("$2a$", "$2b$", "$2y$", "$5$", "$6$", "$y$", "$gy$", "$7$", "$argon2", "!", "*")
_FAST = frozenset(
    f"{prefix}{digest}" for prefix in ("", "S") for digest in ("SHA", "SHA1", "SHA256", "SHA512")
) | {"PLAIN-MD5", "LDAP-MD5", "SMD5"}

Matches = Callable[[bytes, str], bool]


def new_secrets(password: str) -> tuple[str, ...]:
    """Return what to store for a new password: an argon2id hash and a SCRAM-SHA-256 verifier.

    Raises:
        ValueError: the password is empty or holds a prohibited character (RFC 4013 §2.3).
    """
    octets = prepare(password).encode()
    if not octets:
        raise ValueError("an empty password")
    # 19 MiB, two passes, one lane: the least that OWASP recommends for argon2id.
    argon2id = hash_secret(
        octets,
        secrets.token_bytes(_ARGON2_SALT_OCTETS),
        time_cost=2,
        memory_cost=19 * 1024,
        parallelism=1,
        hash_len=32,
        type=Type.ID,
    )
    scram = ScramVerifier.make("sha256", octets).format()
    return ("{ARGON2ID}" + argon2id.decode(), "{SCRAM-SHA-256}" + scram)


def cheapest_first(secrets: Sequence[str]) -> list[str]:
    """Return ``secrets`` in the order to try: a right password is found sooner.

    What is stored of one password by several schemes is no safer than the weakest of them.
    """
    return sorted(secrets, key=lambda secret: not scheme_of(secret).startswith("SCRAM-"))


def is_weak(secret: str) -> bool:
    """Return whether a stolen file gives this password away: a fast hash, or one without salt.

    A password that is stored as it is was stored so on purpose, and is not meant.
    """
    match = SECRET.fullmatch(secret)
    value = match[3] if match else secret
    if scheme_of(secret) in _CRYPT_NAMES:
        return not value.startswith(_STRONG_CRYPT)
    return scheme_of(secret) in _FAST


def plain_password(secrets: Sequence[str]) -> bytes | None:
    """Return the password itself where one of ``secrets`` is it, else None."""
    for secret in secrets:
        match = SECRET.fullmatch(secret)
        if match and SCHEMES.get(match[1].upper()) is _plain:
            try:
                return _plain_value(match[2], match[3]).encode()
            except ValueError:
                continue
    return None


def new_app_secret(password: str) -> str:
    """Return what to store for a password that was made for one program.

    It has 99 bits of chance in it: a slow hash would protect it no better, and each one of an
    account is tried at each login.
    """
    salt = secrets.token_bytes(_APP_SALT_OCTETS)
    digest = hashlib.sha512(password.encode() + salt).digest()
    return "{SSHA512}" + base64.b64encode(digest + salt).decode()


def scram_verifier(secret: str, scheme: str) -> ScramVerifier | None:
    """Return the verifier in ``secret`` where it is one of ``scheme``, else None."""
    match = SECRET.fullmatch(secret)
    if not match or match[1].upper() != scheme:
        return None
    try:
        return ScramVerifier.parse(_SCRAM_DIGESTS[scheme], match[3])
    except ValueError:
        return None


def verify(secret: str, password: bytes) -> bool:
    """Return whether ``password`` is the one that ``secret`` was made of.

    A secret of an unknown scheme, or a broken one, matches nothing; the log says so once.
    """
    match = SECRET.fullmatch(secret)
    scheme = scheme_of(secret)
    if b"\0" in password:  # crypt(3) would read it up to there
        return False
    matches = SCHEMES.get(scheme)
    if matches is None:
        _report_once(scheme)
        return False
    try:
        value = _plain_value(match[2], match[3]) if match else secret
        return any(matches(octets, value) for octets in _forms(password))
    except (ValueError, TypeError, argon2.exceptions.Argon2Error):
        _report_once(scheme + " (a broken value)")
        return False


@cache
def _report_once(scheme: str) -> None:
    log.warning("a stored secret matches no password", scheme=scheme)


def _forms(password: bytes) -> tuple[bytes, ...]:
    """Return the password prepared, and as it came where that differs: old hashes are of either."""
    prepared = prepare_password(password)
    return (prepared,) if prepared == password else (prepared, password)


def _plain_value(encoding: str | None, value: str) -> str:
    if encoding in ("b64", "base64"):
        return base64.b64decode(value, validate=True).decode()
    return bytes.fromhex(value).decode() if encoding == "hex" else value


def _plain(password: bytes, value: str) -> bool:
    return hmac.compare_digest(password, value.encode())


def _salted(digest: str) -> Matches:
    """Return the check of ``digest(password + salt) + salt``, in base64 or hex; salt may lack."""
    size = hashlib.new(digest, usedforsecurity=False).digest_size

    def matches(password: bytes, value: str) -> bool:
        stored = _base64_or_hex(value, size)
        if len(stored) < size:
            raise ValueError("a digest that is too short")
        made = hashlib.new(digest, password + stored[size:], usedforsecurity=False).digest()
        return hmac.compare_digest(made, stored[:size])

    return matches


def _base64_or_hex(value: str, size: int) -> bytes:
    if len(value) == 2 * size and re.fullmatch(r"[0-9A-Fa-f]+", value):
        return bytes.fromhex(value)
    try:
        return base64.b64decode(value, validate=True)
    except ValueError:
        raise ValueError("neither base64 nor hex") from None


def _pbkdf2(password: bytes, value: str) -> bool:
    """Check Dovecot's ``$1$SALT$ROUNDS$HEX`` (HMAC-SHA-1), or passlib's ``$pbkdf2-…``."""
    if value.startswith("$pbkdf2"):
        name = {"sha256": "pbkdf2_sha256", "sha512": "pbkdf2_sha512"}.get(
            value[8:14], "pbkdf2_sha1"
        )
        return bool(getattr(passlib_hash, name).verify(password, value))
    _, version, salt, rounds, stored = value.split("$")
    if version != "1" or not 0 < int(rounds) <= 10_000_000:
        raise ValueError("an unknown form of PBKDF2")
    made = hashlib.pbkdf2_hmac("sha1", password, salt.encode(), int(rounds), 20)
    return hmac.compare_digest(made, bytes.fromhex(stored))


def _argon2(password: bytes, value: str) -> bool:
    kind = Type.ID if value.startswith("$argon2id$") else Type.I
    try:
        return verify_secret(value.encode(), password, kind)
    except argon2.exceptions.VerifyMismatchError:
        return False


def _bcrypt(password: bytes, value: str) -> bool:
    # Hashes have always been of the first 72 octets; the library now refuses longer passwords.
    return bcrypt.checkpw(password[:_BCRYPT_OCTETS], value.encode())


def _crypt(password: bytes, value: str) -> bool:
    """Check what crypt(3) writes: by its first letters, like the C library."""
    if value.startswith(("$2a$", "$2b$", "$2y$")):
        return _bcrypt(password, value)
    if value.startswith("$argon2"):
        return _argon2(password, value)
    made = libcrypt.crypt(password, value)
    if made is not None:
        return hmac.compare_digest(made.encode(), value.encode())
    for prefix, name in (("$1$", "md5_crypt"), ("$5$", "sha256_crypt"), ("$6$", "sha512_crypt")):
        if value.startswith(prefix):
            return bool(getattr(passlib_hash, name).verify(password, value))
    if re.fullmatch(r"[./0-9A-Za-z]{13}", value):
        return bool(passlib_hash.des_crypt.verify(password, value))
    if value in ("", "*", "x") or value.startswith(("!", "*")):  # shadow(5): no password matches
        return False
    raise ValueError("an unknown kind of crypt")


def _scram(digest: str) -> Matches:
    def matches(password: bytes, value: str) -> bool:
        return ScramVerifier.parse(digest, value).matches(password)

    return matches


_SCRAM_DIGESTS = {"SCRAM-SHA-1": "sha1", "SCRAM-SHA-256": "sha256"}

SCHEMES: dict[str, Matches] = {
    "PLAIN": _plain,
    "CLEAR": _plain,
    "CLEARTEXT": _plain,
    "CRYPT": _crypt,
    "DES-CRYPT": _crypt,
    "MD5": _crypt,
    "MD5-CRYPT": _crypt,
    "SHA256-CRYPT": _crypt,
    "SHA512-CRYPT": _crypt,
    "BLF-CRYPT": _crypt,
    "ARGON2": _argon2,
    "ARGON2I": _argon2,
    "ARGON2ID": _argon2,
    "PBKDF2": _pbkdf2,
    "PLAIN-MD5": _salted("md5"),
    "LDAP-MD5": _salted("md5"),
    "SMD5": _salted("md5"),
    "SHA": _salted("sha1"),
    "SHA1": _salted("sha1"),
    "SSHA": _salted("sha1"),
    "SHA256": _salted("sha256"),
    "SSHA256": _salted("sha256"),
    "SHA512": _salted("sha512"),
    "SSHA512": _salted("sha512"),
    "SCRAM-SHA-1": _scram("sha1"),
    "SCRAM-SHA-256": _scram("sha256"),
    "PAM": pam.matches,
}
