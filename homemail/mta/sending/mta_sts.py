# SPDX-License-Identifier: MIT
"""MTA-STS: the TLS policy that a domain publishes by HTTPS for mail to it.

A policy that was once fetched counts until its time is over, whatever DNS and the web say later:
whoever can take those away must not take the policy away with them. It is kept over restarts.
"""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import json
import re
import socket
import ssl
import time
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from homemail import durable
from homemail.errors import MailError, Temporary
from homemail.log import Log
from homemail.resolve import Resolver

_RECORD = re.compile(r"v=STSv1;\s*(?:[A-Za-z0-9]+=[^;]*;\s*)*?id=([A-Za-z0-9]{1,32})\s*(?:;.*)?")
_LIMIT = 64 * 1024  # octets of a policy (RFC 8461 §3.3 allows a limit of this size)
_LONGEST = 31_557_600  # seconds of max_age (RFC 8461 §3.2)
_FETCH_SECONDS = 30.0
_PAUSE = 300.0  # seconds until a fetch that failed is tried again (RFC 8461 §3.3)

Fetch = Callable[[str], Awaitable[str]]
"""Return the policy text of a domain. Raises ``Temporary``."""

log = Log("smtp")


@dataclass(frozen=True, slots=True)
class StsPolicy:
    """``mode`` is enforce, testing or none; ``expires`` is by the wall clock."""

    id: str
    mode: str
    mx: tuple[str, ...]
    expires: float

    def allows(self, host: str) -> bool:
        """Whether ``host`` may be an exchanger of the domain.

        Source: RFC 8461 §4.1.
        """
        host = host.lower().rstrip(".")
        return any(
            host.partition(".")[2] == one[2:] if one.startswith("*.") else host == one
            for one in self.mx
        )


def parse_policy(text: str, policy_id: str, now: float) -> StsPolicy:
    """Return what a policy file says.

    Source: RFC 8461 §3.2.

    Raises:
        ValueError: it cannot be used.
    """
    fields: dict[str, list[str]] = {}
    for line in text.splitlines():
        name, colon, value = line.partition(":")
        if colon:
            fields.setdefault(name.strip(), []).append(value.strip())
    mode, age = fields.get("mode", [""])[0], fields.get("max_age", [""])[0]
    if fields.get("version", [""])[0] != "STSv1" or mode not in ("enforce", "testing", "none"):
        raise ValueError("not a policy of version STSv1")
    if not re.fullmatch(r"[0-9]{1,10}", age):
        raise ValueError("max_age is no number")
    mx = tuple(name.lower().rstrip(".") for name in fields.get("mx", []) if name)
    if mode != "none" and not mx:
        raise ValueError("no mx is named")
    return StsPolicy(policy_id, mode, mx, now + min(int(age), _LONGEST))


class StsPolicies:
    """The policies of domains, kept in ``path``, a cache that may be removed."""

    def __init__(
        self,
        resolver: Resolver,
        fetch: Fetch,
        path: Path | None = None,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._resolver = resolver
        self._fetch = fetch
        self._path = path
        self._now = now
        self._failed: dict[str, float] = {}
        self._fetching: dict[str, asyncio.Lock] = {}
        self._kept = _load(path, now()) if path else {}

    async def find(self, domain: str) -> StsPolicy | None:
        """Return the policy that counts for ``domain`` now.

        Source: RFC 8461 §5.1.
        """
        async with self._fetching.setdefault(domain, asyncio.Lock()):
            kept = self._kept.get(domain)
            if kept is not None and kept.expires <= self._now():
                kept = None
            policy_id = await self._published(domain)
            is_new = policy_id is not None and (kept is None or kept.id != policy_id)
            if policy_id is not None and is_new and self._failed.get(domain, 0.0) <= self._now():
                kept = await self._renew(domain, policy_id) or kept
        self._fetching.pop(domain, None)
        return kept

    async def _published(self, domain: str) -> str | None:
        try:
            texts = await self._resolver.texts(f"_mta-sts.{domain}")
        except MailError:
            return None
        records = [text for text in texts if text.startswith("v=STSv1;")]
        match = _RECORD.fullmatch(records[0]) if len(records) == 1 else None
        return match[1] if match else None

    async def _renew(self, domain: str, policy_id: str) -> StsPolicy | None:
        try:
            policy = parse_policy(await self._fetch(domain), policy_id, self._now())
        except (ValueError, MailError) as error:
            why = error.__cause__ or error
            log.warning("no policy of MTA-STS could be fetched", domain=domain, reason=why)
            self._failed[domain] = self._now() + _PAUSE
            return None
        self._failed.pop(domain, None)
        self._kept[domain] = policy
        if self._path is not None:
            await asyncio.to_thread(_save, self._path, dict(self._kept), self._now())
        return policy


class HttpsFetch:
    """Fetches policies; ``port`` and ``context`` differ in tests only."""

    def __init__(
        self, resolver: Resolver, port: int = 443, context: ssl.SSLContext | None = None
    ) -> None:
        self._resolver = resolver
        self._port = port
        self._context = context

    async def __call__(self, domain: str) -> str:
        host = f"mta-sts.{domain}"
        try:
            addresses = await self._resolver.addresses(host)
            async with asyncio.timeout(2 * _FETCH_SECONDS):
                return await asyncio.to_thread(self._get, host, addresses)
        except (OSError, http.client.HTTPException, TimeoutError) as error:
            raise Temporary(f"{host} cannot be asked for its policy") from error

    def _get(self, host: str, addresses: tuple[str, ...]) -> str:
        if not addresses:
            raise OSError(f"{host} has no address")
        context = self._context or ssl.create_default_context()
        with contextlib.ExitStack() as stack:
            plain = socket.create_connection((addresses[0], self._port), _FETCH_SECONDS)
            stack.callback(plain.close)
            sock = context.wrap_socket(plain, server_hostname=host)
            stack.callback(sock.close)
            web = http.client.HTTPConnection(host)
            web.sock = sock
            web.request("GET", "/.well-known/mta-sts.txt", headers={"Connection": "close"})
            answer = web.getresponse()
            body = answer.read(_LIMIT + 1)
        # A redirect is not followed (RFC 8461 §3.3).
        if answer.status != 200 or len(body) > _LIMIT:
            raise OSError(f"{host} answered {answer.status} with {len(body)} octets")
        return body.decode("utf-8", "replace")


def _load(path: Path, now: float) -> dict[str, StsPolicy]:
    kept: dict[str, StsPolicy] = {}
    with contextlib.suppress(OSError, ValueError, TypeError, AttributeError):
        for domain, fields in json.loads(path.read_text("utf-8")).items():
            policy = StsPolicy(**fields)
            if policy.expires > now:
                kept[domain] = StsPolicy(policy.id, policy.mode, tuple(policy.mx), policy.expires)
    return kept


def _save(path: Path, kept: dict[str, StsPolicy], now: float) -> None:
    wanted = {domain: asdict(policy) for domain, policy in kept.items() if policy.expires > now}
    try:
        durable.write_atomic(path, json.dumps(wanted).encode())
    except Temporary as error:
        log.warning("cannot keep the policies of MTA-STS", reason=error.__cause__)
