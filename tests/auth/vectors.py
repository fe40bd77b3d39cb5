# SPDX-License-Identifier: MIT
"""Secrets of the password ``secret`` as other programs write them."""

from __future__ import annotations

import base64
import hashlib

from passlib import hash as passlib_hash

from homemail.auth.scram_verifier import ScramVerifier

PASSWORD = b"secret"


def _b64(octets: bytes) -> str:
    return base64.b64encode(octets).decode()


def _digest(name: str, salt: bytes = b"") -> bytes:
    return hashlib.new(name, PASSWORD + salt).digest() + salt


SECRETS = [
    "{PLAIN}secret",
    "{CLEARTEXT}secret",
    "{PLAIN.b64}c2VjcmV0",
    "{plain.hex}736563726574",
    # doveadm pw -s SSHA256 -p secret and its relatives
    "{SSHA}" + _b64(_digest("sha1", b"salt")),
    "{SSHA256}" + _b64(_digest("sha256", b"salty")),
    "{SSHA512}" + _b64(_digest("sha512", b"\x00\xff")),
    "{SMD5}" + _b64(_digest("md5", b"salt")),
    "{SHA}" + _b64(_digest("sha1")),
    "{SHA1}" + _digest("sha1").hex(),
    "{SHA256}" + _digest("sha256").hex().upper(),
    "{SHA512}" + _b64(_digest("sha512")),
    "{PLAIN-MD5}" + _digest("md5").hex(),
    "{LDAP-MD5}" + _b64(_digest("md5")),
    "{PBKDF2}$1$fCdZ3KHn8ShyOVaC$5000$"
    + hashlib.pbkdf2_hmac("sha1", PASSWORD, b"fCdZ3KHn8ShyOVaC", 5000, 20).hex(),
    "{PBKDF2}" + passlib_hash.pbkdf2_sha256.using(rounds=100).hash(PASSWORD),
    "{ARGON2I}" + passlib_hash.argon2.using(type="I", rounds=1, memory_cost=64).hash(PASSWORD),
    "{ARGON2ID}" + passlib_hash.argon2.using(type="ID", rounds=1, memory_cost=64).hash(PASSWORD),
    "{CRYPT}" + passlib_hash.argon2.using(type="ID", rounds=1, memory_cost=64).hash(PASSWORD),
    "{BLF-CRYPT}" + passlib_hash.bcrypt.using(rounds=4, ident="2y").hash(PASSWORD),
    "{CRYPT}" + passlib_hash.bcrypt.using(rounds=4, ident="2b").hash(PASSWORD),
    "{MD5-CRYPT}" + passlib_hash.md5_crypt.hash(PASSWORD),
    "{MD5}" + passlib_hash.md5_crypt.hash(PASSWORD),
    "{SHA256-CRYPT}" + passlib_hash.sha256_crypt.using(rounds=1000).hash(PASSWORD),
    "{SHA512-CRYPT}" + passlib_hash.sha512_crypt.using(rounds=1000).hash(PASSWORD),
    "{DES-CRYPT}" + passlib_hash.des_crypt.hash(PASSWORD),
    passlib_hash.sha512_crypt.using(rounds=1000).hash(PASSWORD),
    "{SCRAM-SHA-1}" + ScramVerifier.make("sha1", PASSWORD, iterations=4096).format(),
    "{SCRAM-SHA-256}" + ScramVerifier.make("sha256", PASSWORD, iterations=4096).format(),
]
