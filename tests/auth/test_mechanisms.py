# SPDX-License-Identifier: MIT
"""Channel binding, CRAM-MD5, APOP, EXTERNAL and access tokens: the cores without anything else."""

from __future__ import annotations

import hashlib
import hmac

import pytest

from homemail.auth.sasl import MECHANISMS
from homemail.auth.sasl.cram_md5 import apop_digest
from homemail.auth.sasl.dialogue import (
    AskToken,
    BadResponse,
    Failed,
    Outcome,
    Proven,
    Recall,
    RecallPassword,
    Scene,
    Send,
)
from homemail.auth.scram_verifier import ScramVerifier
from tests.auth.scram_client import ScramClient

EXPORTER = {"tls-exporter": b"\x01" * 32, "tls-server-end-point": b"\x02" * 32}


def scene(**more) -> Scene:
    return Scene(lambda: "nonce", host="home.test", **more)


class Play:
    """A dialogue whose questions are answered: ``password`` for nobody but tim, tokens by name."""

    def __init__(self, mechanism: str, where: Scene) -> None:
        self.dialogue = MECHANISMS[mechanism].begin(where)
        self.wanted = next(self.dialogue)
        self.outcome: Outcome | None = None

    def say(self, response: bytes) -> bytes | Outcome:
        """Return the next challenge, or the outcome."""
        try:
            self.wanted = self.dialogue.send(response)
            while not isinstance(self.wanted, Send):
                self.wanted = self.dialogue.send(self.answer())
        except StopIteration as end:
            return end.value
        return self.wanted.octets

    def answer(self) -> ScramVerifier | bytes | str:
        match self.wanted:
            case Recall(_, scheme):
                digest = "sha1" if scheme == "SCRAM-SHA-1" else "sha256"
                return ScramVerifier.make(digest, b"pencil", salt=b"salt", iterations=1)
            case RecallPassword():
                return b"tanstaaftanstaaf"
            case AskToken(token):
                return {"good": "tim"}.get(token, "")
        raise AssertionError(self.wanted)


def scram(mechanism: str, client: ScramClient, where: Scene) -> bytes | Outcome:
    play = Play(mechanism, where)
    challenge = play.say(client.first())
    assert isinstance(challenge, bytes)
    return play.say(client.final(challenge))


@pytest.mark.parametrize("digest", ["sha1", "sha256"])
@pytest.mark.parametrize("kind", sorted(EXPORTER))
def test_scram_plus_binds_to_the_channel(digest, kind):
    name = "SCRAM-SHA-1-PLUS" if digest == "sha1" else "SCRAM-SHA-256-PLUS"
    client = ScramClient("tim", "pencil", digest=digest, flag=f"p={kind}", binding=EXPORTER[kind])
    here = scene(bindings=EXPORTER, binding_offered=True)
    assert scram(name, client, here) == Proven("tim", client.expected)
    elsewhere = scene(bindings={kind: b"\x03" * 32}, binding_offered=True)
    client = ScramClient("tim", "pencil", digest=digest, flag=f"p={kind}", binding=EXPORTER[kind])
    assert scram(name, client, elsewhere) == Failed("tim")


def test_scram_sha_1_as_in_the_rfc():
    """The example of RFC 5802 §5."""
    nonce = "3rfcNHYJY1ZVvWVs7j"
    play = Play("SCRAM-SHA-1", Scene(lambda: nonce))
    play.wanted = play.dialogue.send(b"n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL")
    salt = bytes.fromhex("4125c247e43ab1e93c6dff76")
    verifier = ScramVerifier.make("sha1", b"pencil", salt=salt, iterations=4096)
    challenge = play.dialogue.send(verifier)
    assert challenge == Send(
        b"r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096"
    )
    final = b"c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts="
    assert play.say(final) == Proven("user", b"v=rmF9pqV8S7suAoZWja4dJRkFsKQ=")


@pytest.mark.parametrize(
    ("mechanism", "flag"),
    [
        ("SCRAM-SHA-256", "y"),  # -PLUS was announced, so somebody took it out on the way
        ("SCRAM-SHA-256", "p=tls-exporter"),
        ("SCRAM-SHA-256-PLUS", "n"),
        ("SCRAM-SHA-256-PLUS", "p=tls-unique"),
    ],
)
def test_scram_flags_that_do_not_go_together(mechanism, flag):
    play = Play(mechanism, scene(bindings=EXPORTER, binding_offered=True))
    with pytest.raises(BadResponse):
        play.say(ScramClient("tim", "pencil", flag=flag).first())


def test_scram_y_is_right_where_nothing_binds():
    client = ScramClient("tim", "pencil", flag="y")
    assert scram("SCRAM-SHA-256", client, scene()) == Proven("tim", client.expected)


def test_scram_another_header_than_before_fails():
    client = ScramClient("tim", "pencil")
    play = Play("SCRAM-SHA-256", scene())
    challenge = play.say(client.first())
    client.gs2 = "y,,"
    assert play.say(client.final(challenge)) == Failed("tim")


def test_cram_md5():
    play = Play("CRAM-MD5", scene())
    challenge = play.wanted.octets
    assert challenge == b"<6e6f6e6365@home.test>"
    proof = hmac.digest(b"tanstaaftanstaaf", challenge, "md5").hex()
    assert play.say(f"tim {proof}".encode()) == Proven("tim")
    assert Play("CRAM-MD5", scene()).say(b"tim b913a602c7eda7a495b4e6e7334d3890") == Failed("tim")


@pytest.mark.parametrize("response", [b"", b"tim", b" abc", b"\xff abc", b"ti\0m abc"])
def test_cram_md5_malformed(response):
    with pytest.raises(BadResponse):
        Play("CRAM-MD5", scene()).say(response)


def test_cram_md5_as_in_the_rfc():
    """The example of RFC 2195 §2."""
    challenge = b"<1896.697170952@postoffice.reston.mci.net>"
    digest = hmac.digest(b"tanstaaftanstaaf", challenge, "md5").hex()
    assert digest == "b913a602c7eda7a495b4e6e7334d3890"


def test_apop_as_in_the_rfc():
    """The example of RFC 1939 §7."""
    digest = apop_digest("<1896.697170952@dbc.mtview.ca.us>", b"tanstaaf")
    assert digest == "c4c9334bac560ecc979e58001b3e22fb"
    assert hashlib.md5(b"x").hexdigest() != digest


def test_external():
    names = ("tim@home.test", "Tim")
    assert Play("EXTERNAL", scene(client_names=names)).say(b"") == Proven("tim@home.test")
    assert Play("EXTERNAL", scene(client_names=names)).say(b"tim") == Proven("Tim")
    other = Play("EXTERNAL", scene(client_names=names)).say(b"bob")
    assert other == Proven("tim@home.test", authzid="bob")
    assert Play("EXTERNAL", scene()).say(b"tim") == Failed()


def test_oauthbearer():
    good = b"n,a=tim@home.test,\x01host=home.test\x01port=143\x01auth=Bearer good\x01\x01"
    assert Play("OAUTHBEARER", scene()).say(good) == Proven("tim", authzid="tim@home.test")
    assert Play("OAUTHBEARER", scene()).say(b"n,,\x01auth=bearer good\x01\x01") == Proven("tim")
    play = Play("OAUTHBEARER", scene())
    assert play.say(b"n,,\x01auth=Bearer bad\x01\x01") == b'{"status": "invalid_token"}'
    assert play.say(b"\x01") == Failed()


def test_xoauth2():
    play = Play("XOAUTH2", scene())
    assert play.say(b"user=tim\x01auth=Bearer good\x01\x01") == Proven("tim", authzid="tim")
    play = Play("XOAUTH2", scene())
    assert b'"status": "400"' in play.say(b"user=tim\x01auth=Bearer bad\x01\x01")
    assert play.say(b"") == Failed("tim")


@pytest.mark.parametrize(
    ("mechanism", "response"),
    [
        ("OAUTHBEARER", b""),
        ("OAUTHBEARER", b"n,,"),
        ("OAUTHBEARER", b"n,,\x01auth=Bearer good"),
        ("OAUTHBEARER", b"p=x,,\x01auth=Bearer good\x01\x01"),
        ("OAUTHBEARER", b"n,,\x01auth=Bearer \xff\x01\x01"),
        ("XOAUTH2", b"auth=Bearer good\x01\x01"),
        ("XOAUTH2", b"user=tim\x01"),
    ],
)
def test_tokens_malformed(mechanism, response):
    with pytest.raises(BadResponse):
        Play(mechanism, scene()).say(response)


def test_a_token_that_is_not_a_bearer_token_is_refused():
    play = Play("OAUTHBEARER", scene())
    assert b"invalid_token" in play.say(b"n,,\x01auth=Basic Z29vZA==\x01\x01")
