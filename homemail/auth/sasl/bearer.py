# SPDX-License-Identifier: MIT
"""OAUTHBEARER and XOAUTH2: the client shows an access token of another server's.

XOAUTH2 is what large mail providers had before the standard; the token is the same.

Source: RFC 7628 §3.
"""

from __future__ import annotations

import json
import re

from homemail.auth.sasl.dialogue import (
    BadResponse,
    Dialogue,
    Failed,
    Mechanism,
    Proven,
    Scene,
    Shows,
    ask_token,
    send,
    text_of,
)

_GS2 = re.compile(r"[ny],(?:a=(?P<authzid>[^,]*))?,")
_TOKEN = re.compile(r"Bearer +(?P<token>[A-Za-z0-9._~+/-]+=*)", re.IGNORECASE)
_KEY_VALUES = re.compile(r"(?:[A-Za-z]+=[^\x00\x01]*\x01)*\x01")

_NOT_VALID = json.dumps({"status": "invalid_token"}).encode()
_NOT_VALID_XOAUTH2 = json.dumps({"status": "400", "schemes": "Bearer"}).encode()


def oauthbearer(scene: Scene) -> Dialogue:
    """Take ``n,a=NAME, ^A auth=Bearer TOKEN ^A ^A``."""
    text = text_of((yield from send()))
    header, separator, rest = text.partition("\x01")
    gs2 = _GS2.fullmatch(header)
    if not gs2 or not separator:
        raise BadResponse
    authzid = (gs2["authzid"] or "").replace("=2C", ",").replace("=3D", "=")
    return (yield from _with_token(rest, authzid, _NOT_VALID))


def xoauth2(scene: Scene) -> Dialogue:
    """Take ``user=NAME ^A auth=Bearer TOKEN ^A ^A``."""
    text = text_of((yield from send()))
    if not text.startswith("user="):
        raise BadResponse
    name, _, rest = text.removeprefix("user=").partition("\x01")
    return (yield from _with_token(rest, name, _NOT_VALID_XOAUTH2))


def _with_token(pairs: str, authzid: str, refusal: bytes) -> Dialogue:
    if not _KEY_VALUES.fullmatch(pairs):
        raise BadResponse
    values = dict(pair.split("=", 1) for pair in pairs.split("\x01") if pair)
    token = _TOKEN.fullmatch(values.get("auth", ""))
    name = (yield from ask_token(token["token"])) if token else ""
    if name:
        return Proven(name, authzid=authzid)
    # The reason goes as a challenge; whatever the client answers, it has failed (RFC 7628 §3.2.3).
    yield from send(refusal)
    return Failed(authzid)


OAUTHBEARER = Mechanism("OAUTHBEARER", oauthbearer, Shows.TOKEN)
XOAUTH2 = Mechanism("XOAUTH2", xoauth2, Shows.TOKEN)
