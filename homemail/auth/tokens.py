# SPDX-License-Identifier: MIT
"""Whose access token is it? Asked of the server that issues them, or read from the token itself.

Source: RFC 7662 §2, RFC 7519 §4, RFC 7517 §5.
"""

from __future__ import annotations

import asyncio
import base64
import json
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from http.client import HTTPException
from typing import Any

from homemail.auth.jwt import BadToken, Jwk, UnknownKey, claims_of
from homemail.config.auth import AuthSettings
from homemail.errors import Temporary
from homemail.log import Log

log = Log("auth")

_TIMEOUT_SECONDS = 10.0
_ANSWER_OCTETS = 1_000_000
_KEYS_SECONDS = 3600.0
_KEYS_AGAIN_SECONDS = 60.0
"""How soon keys are fetched again for a key that is not among them: not for each bad token."""

Fetch = Callable[[urllib.request.Request], bytes]


class TokenServer:
    """Knows whom a token belongs to. ``fetch`` runs in a thread; ``now`` is the wall's clock."""

    def __init__(
        self,
        settings: AuthSettings,
        *,
        fetch: Fetch | None = None,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._settings = settings
        self._fetch = fetch or _fetch
        self._now = now
        self._keys: Sequence[Jwk] = ()
        self._keys_from = float("-inf")
        self._fetching = asyncio.Lock()

    async def name_of(self, token: str) -> str:
        """Return the login name that ``token`` was issued for, empty where it is no good.

        Raises:
            Temporary: the issuer cannot be asked now.
        """
        try:
            if self._settings.oauth_introspection_url:
                claims = await self._introspect(token)
            else:
                claims = await self._read(token)
            return self._name_in(claims)
        except BadToken as error:
            log.info("an access token was refused", why=error)
            return ""

    def _name_in(self, claims: Mapping[str, Any]) -> str:
        settings = self._settings
        if settings.oauth_issuer and claims.get("iss") != settings.oauth_issuer:
            raise BadToken("another issuer")
        audience = claims.get("aud", [])
        audiences = [audience] if isinstance(audience, str) else audience
        if settings.oauth_audience and settings.oauth_audience not in audiences:
            raise BadToken("it is for another service")
        if settings.oauth_scope and settings.oauth_scope not in str(claims.get("scope")).split():
            raise BadToken("it is not for mail")
        name = claims.get(settings.oauth_username_claim)
        if not isinstance(name, str) or not name:
            raise BadToken(f"no {settings.oauth_username_claim} in it")
        return name

    async def _introspect(self, token: str) -> dict[str, Any]:
        settings = self._settings
        form = urllib.parse.urlencode({"token": token, "token_type_hint": "access_token"})
        request = urllib.request.Request(settings.oauth_introspection_url, form.encode())
        request.add_header("Accept", "application/json")
        if settings.oauth_client_id:
            request.add_header("Authorization", _basic(settings.oauth_client_id, self._secret()))
        claims = await self._ask(request)
        if claims.get("active") is not True:
            raise BadToken("it is not in force")
        return claims

    def _secret(self) -> str:
        file = self._settings.oauth_client_secret_file
        try:
            return file.read_text("utf-8").strip() if file else ""
        except (OSError, ValueError) as error:
            raise Temporary("Try again later") from error

    async def _read(self, token: str) -> dict[str, Any]:
        await self._refresh(_KEYS_SECONDS)
        try:
            return claims_of(token, self._keys, self._now())
        except UnknownKey:
            await self._refresh(_KEYS_AGAIN_SECONDS)
            return claims_of(token, self._keys, self._now())

    async def _refresh(self, seconds: float) -> None:
        """Fetch the issuer's keys unless they are younger than ``seconds``."""
        async with self._fetching:
            if self._now() - self._keys_from < seconds:
                return
            answer = await self._ask(urllib.request.Request(self._settings.oauth_jwks_url))
            keys = answer.get("keys")
            if not isinstance(keys, list) or not all(isinstance(key, dict) for key in keys):
                raise Temporary("Try again later") from ValueError("no keys in the JWKS")
            self._keys, self._keys_from = keys, self._now()

    async def _ask(self, request: urllib.request.Request) -> dict[str, Any]:
        try:
            found = json.loads(await asyncio.to_thread(self._fetch, request))
        except (OSError, ValueError, HTTPException, RecursionError) as error:
            raise Temporary("Try again later") from error
        if not isinstance(found, dict):
            raise Temporary("Try again later") from ValueError("an answer that is no JSON object")
        return found


def _basic(client: str, secret: str) -> str:
    """Return how a client shows who it is.

    Source: RFC 6749 §2.3.1.
    """
    pair = ":".join(urllib.parse.quote(part, safe="") for part in (client, secret))
    return "Basic " + base64.b64encode(pair.encode()).decode()


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A token must not be shown to another server because one says so."""

    def redirect_request(self, *_: Any) -> None:
        return None


def _fetch(request: urllib.request.Request) -> bytes:
    opener = urllib.request.build_opener(_NoRedirect)
    with opener.open(request, timeout=_TIMEOUT_SECONDS) as answer:
        octets: bytes = answer.read(_ANSWER_OCTETS + 1)
    if len(octets) > _ANSWER_OCTETS:
        raise ValueError("an answer that is too long")
    return octets
