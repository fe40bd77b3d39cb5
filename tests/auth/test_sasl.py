# SPDX-License-Identifier: MIT
"""The mechanisms' cores, without anything around them."""

from __future__ import annotations

import base64

import pytest

from homemail.auth.sasl import MECHANISMS
from homemail.auth.sasl.dialogue import (
    BadResponse,
    Claim,
    Failed,
    Outcome,
    Proven,
    Recall,
    Scene,
    Send,
)
from homemail.auth.scram_verifier import ScramVerifier
from tests.auth.scram_client import ScramClient

# RFC 7677 §3
SALT = base64.b64decode("W22ZaJ0SNY7soEsUEjb6gQ==")
PENCIL = ScramVerifier.make("sha256", b"pencil", salt=SALT, iterations=4096)
CLIENT_FIRST = b"n,,n=user,r=rOprNGfwEbeRWgbNEkqO"
SERVER_NONCE = "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
SERVER_FIRST = (
    b"r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"
)
CLIENT_FINAL = (
    b"c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
    b"p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
)
SERVER_FINAL = b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="


def play(mechanism: str, *responses: bytes) -> tuple[list[bytes], Outcome]:
    """Return what the server sent before each response, and the outcome."""
    dialogue = MECHANISMS[mechanism].begin(Scene(lambda: SERVER_NONCE))
    left, sent = list(responses), []
    wanted = next(dialogue)
    try:
        while True:
            if isinstance(wanted, Send):
                sent.append(wanted.octets)
                wanted = dialogue.send(left.pop(0))
            else:
                assert isinstance(wanted, Recall)
                wanted = dialogue.send(PENCIL)
    except StopIteration as end:
        assert not left
        return sent, end.value


def test_plain():
    assert play("PLAIN", b"\0tim\0tanstaaftanstaaf") == ([b""], Claim("tim", b"tanstaaftanstaaf"))
    assert play("PLAIN", b"Ursel\0Kurt\0xipj3plmq")[1] == Claim("Kurt", b"xipj3plmq", "Ursel")
    assert play("PLAIN", b"\0tim\0")[1] == Claim("tim", b"")


@pytest.mark.parametrize(
    "response", [b"", b"tim", b"\0\0", b"\0tim", b"\0tim\0a\0b", b"\0\xff\0a", b"\xff\0tim\0a"]
)
def test_plain_malformed(response):
    with pytest.raises(BadResponse):
        play("PLAIN", response)


def test_login():
    assert play("LOGIN", b"tim", b"pw") == ([b"Username:", b"Password:"], Claim("tim", b"pw"))


@pytest.mark.parametrize(
    "responses", [(b"", b"pw"), (b"\xff", b"pw"), (b"a\0", b"pw"), (b"a", b"\0")]
)
def test_login_malformed(responses):
    with pytest.raises(BadResponse):
        play("LOGIN", *responses)


def test_scram_as_in_the_rfc():
    sent, outcome = play("SCRAM-SHA-256", CLIENT_FIRST, CLIENT_FINAL)
    assert sent == [b"", SERVER_FIRST]
    assert outcome == Proven("user", SERVER_FINAL)


def test_scram_with_an_authorization_identity_and_an_odd_name():
    client = ScramClient("us=2Cer=3D", "pencil", authzid="other=2C")
    dialogue = MECHANISMS["SCRAM-SHA-256"].begin(Scene(lambda: SERVER_NONCE))
    next(dialogue)
    assert dialogue.send(client.first()) == Recall("us,er=", "SCRAM-SHA-256")
    challenge = dialogue.send(PENCIL)
    assert isinstance(challenge, Send)
    with pytest.raises(StopIteration) as end:
        dialogue.send(client.final(challenge.octets))
    assert end.value.value == Proven("us,er=", client.expected, "other,")


@pytest.mark.parametrize(
    "first",
    [
        b"",
        b"n,,",
        b"n,,n=user",
        b"n,,n=,r=abc",
        b"n,,r=abc,n=user",
        b"x,,n=user,r=abc",
        b"p=tls-unique,,n=user,r=abc",
        b"n,,m=must,n=user,r=abc",
        b"n,,n=us=er,r=abc",
        b"n,,n=us=2cer,r=abc",
        b"n,,n=us\x07er,r=abc",
        b"n,,n=user,r=a\xc3\xa4",
        b"n,,n=user,r=",
        b"n,,n=\xff,r=abc",
        b"n,a=,n=user,r=abc",
    ],
)
def test_scram_first_message_malformed(first):
    with pytest.raises(BadResponse):
        play("SCRAM-SHA-256", first, CLIENT_FINAL)


@pytest.mark.parametrize(
    "final",
    [
        b"",
        CLIENT_FINAL.replace(b"c=biws", b"c=%%%%"),
        CLIENT_FINAL.partition(b",p=")[0],
        CLIENT_FINAL.replace(b"p=dHzb", b"p=%%%%"),
        CLIENT_FINAL.replace(b",p=", b",p=\xc3\xa4"),
        CLIENT_FINAL.replace(b"c=biws,", b""),
    ],
)
def test_scram_final_message_malformed(final):
    with pytest.raises(BadResponse):
        play("SCRAM-SHA-256", CLIENT_FIRST, final)


@pytest.mark.parametrize(
    "final",
    [
        CLIENT_FINAL.replace(b"p=dHzb", b"p=dHzc"),
        CLIENT_FINAL.replace(b"hNlF$k0,p", b"hNlF$k1,p"),
        CLIENT_FINAL[:-8] + b"AAAA",
        CLIENT_FINAL.replace(b",p=", b",x=1,p="),
    ],
)
def test_scram_wrong_proof(final):
    assert play("SCRAM-SHA-256", CLIENT_FIRST, final)[1] == Failed("user")


def test_scram_every_octet_of_the_proof_counts():
    proof = bytearray(base64.b64decode(CLIENT_FINAL.partition(b",p=")[2]))
    for at in range(len(proof)):
        changed = bytes(octet ^ (at == n) for n, octet in enumerate(proof))
        final = CLIENT_FINAL.partition(b",p=")[0] + b",p=" + base64.b64encode(changed)
        assert play("SCRAM-SHA-256", CLIENT_FIRST, final)[1] == Failed("user")
