# SPDX-License-Identifier: MIT
from __future__ import annotations

import logging

import pytest

from homemail.auth import libcrypt, schemes
from homemail.auth.schemes import cheapest_first, new_secrets, scheme_of, scram_verifier, verify
from tests.auth.vectors import PASSWORD, SECRETS


def scheme(secret: str) -> str:
    return scheme_of(secret)  # the values differ in every process


@pytest.mark.parametrize("secret", SECRETS, ids=scheme)
def test_right_and_wrong(secret):
    assert verify(secret, PASSWORD)
    for wrong in (b"", b"secre", b"secret ", b"Secret", b"secret\0", b"\xff", secret.encode()):
        assert not verify(secret, wrong)


@pytest.mark.parametrize("secret", SECRETS, ids=scheme)
def test_without_the_c_library(secret, monkeypatch):
    monkeypatch.setattr(libcrypt, "_library", lambda: None)
    assert verify(secret, PASSWORD)
    assert not verify(secret, b"wrong")


def test_yescrypt_through_the_c_library():
    hashed = libcrypt.crypt(PASSWORD, "$y$j75$F5Jx5fExrKuPp53xLKQ..1")
    if hashed is None:
        pytest.skip("this C library has no yescrypt")
    assert verify("{CRYPT}" + hashed, PASSWORD)
    assert not verify(hashed, b"wrong")


@pytest.mark.parametrize(
    "secret",
    [
        *("", "*", "!", "x", "!!", "*LK*", "{CRYPT}", "{CRYPT}*", "{CRYPT}!$1$abcdefgh$"),
        *("{SSHA}", "{SSHA}!!", "{SHA256}00", "{ARGON2ID}$argon2id$v=19", "{MD5-CRYPT}$1$"),
        *("{PBKDF2}", "{PBKDF2}$1$salt$x$00", "{BLF-CRYPT}$2y$04$short", "{PLAIN.b64}%"),
        *("{SCRAM-SHA-256}1,2,3", "{SCRAM-SHA-1}4096,,,", "{PLAIN.hex}0"),
        "{SCRAM-SHA-256}999999999999,QQ==,QQ==,QQ==",
    ],
)
def test_what_is_broken_or_locked_matches_nothing(secret):
    for password in (b"", b"x", b"*", b"!", PASSWORD):
        assert not verify(secret, password)


def test_an_empty_plain_secret_is_an_empty_password():
    assert verify("{PLAIN}", b"")
    assert not verify("{PLAIN}", b"x")


def test_unknown_schemes_are_logged_once_without_their_value(caplog):
    schemes._report_once.cache_clear()
    with caplog.at_level(logging.WARNING, "homemail.auth"):
        for _ in range(3):
            assert not verify("{ROT13}frperg", PASSWORD)
    assert [r.getMessage() for r in caplog.records] == [
        "a stored secret matches no password: scheme=ROT13"
    ]


def test_new_secrets():
    made = new_secrets("grüße")
    assert [scheme_of(secret) for secret in made] == ["ARGON2ID", "SCRAM-SHA-256"]
    assert made[0].startswith("{ARGON2ID}$argon2id$v=19$m=19456,t=2,p=1$")
    assert made != new_secrets("grüße")
    for secret in made:
        assert verify(secret, "grüße".encode())
        assert verify(secret, "gru\u0308ße".encode())  # decomposed, as macOS types it
        assert not verify(secret, b"gruesse")


@pytest.mark.parametrize("password", ["", "a\nb", "a\0b", "\u00ad"])
def test_passwords_that_cannot_be(password):
    with pytest.raises(ValueError, match=r"."):
        new_secrets(password)


def test_bcrypt_looks_at_72_octets():
    from passlib.hash import bcrypt

    hashed = "{BLF-CRYPT}" + bcrypt.using(rounds=4).hash("x" * 72)
    assert verify(hashed, b"x" * 72)
    assert verify(hashed, b"x" * 100)
    assert not verify(hashed, b"x" * 71)


def test_the_scram_verifier_of_a_secret():
    secrets = new_secrets("secret")
    assert [scram_verifier(secret, "SCRAM-SHA-256") is not None for secret in secrets] == [
        False,
        True,
    ]
    assert scram_verifier("{SCRAM-SHA-256}broken", "SCRAM-SHA-256") is None
    assert cheapest_first(secrets) == [secrets[1], secrets[0]]
