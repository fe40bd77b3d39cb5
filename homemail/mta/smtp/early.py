# SPDX-License-Identifier: MIT
"""A look at a client before its first word (as postscreen): who does not wait, who is listed.

It costs a timer and some questions to DNS. A client that passed need not pass again for a while,
and ``mynetworks`` never. What was found is told to the log in each case.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from enum import Enum

from homemail.config.declare import IpNetwork
from homemail.config.smtp import SmtpSettings
from homemail.errors import ConfigError
from homemail.log import Log
from homemail.model.reply import Reply
from homemail.model.session import Peer
from homemail.mta.policy.check import is_in
from homemail.mta.policy.dns_list import DnsLists, ListItem, reversed_name

_MOST_REMEMBERED = 50_000

_log = Log("postscreen")


class Action(Enum):
    """What becomes of a client that something was found against."""

    IGNORE = "ignore"
    ENFORCE = "enforce"
    DROP = "drop"


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found against a client. ``reply`` ends the connection, or answers each RCPT."""

    action: Action
    reply: Reply
    talked: bool = False


class EarlyChecks:
    """The checks of a house, and the clients that passed them."""

    def __init__(
        self,
        settings: SmtpSettings,
        trusted: Sequence[IpNetwork],
        lists: DnsLists,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Read the settings.

        Raises:
            ConfigError: an entry of ``postscreen_dnsbl_sites`` cannot be read.
        """
        self._settings = settings
        self._trusted = tuple(trusted)
        self._lists = lists
        self._clock = clock
        self._sites = read_sites(settings)
        self._waited: dict[str, float] = {}
        self._unlisted: dict[str, float] = {}

    def wait_for(self, peer: Peer) -> float:
        """Return the seconds that this client must wait for its greeting."""
        wait = self._settings.postscreen_greet_wait
        if not wait or self._is_trusted(peer) or self._knows(self._waited, peer):
            return 0.0
        return wait

    async def look(self, peer: Peer, talks: Callable[[float], Awaitable[bool]]) -> Finding | None:
        """Return what is against the client. ``talks``: whether it does in so many seconds."""
        if self._is_trusted(peer):
            return None
        wait, asks = self.wait_for(peer), self._sites and not self._knows(self._unlisted, peer)
        if not wait and not asks:
            return None
        listed = asyncio.ensure_future(self._listed(peer)) if asks else None
        try:
            if wait and await talks(wait):
                finding = self._talked(peer)
                if finding.action is not Action.IGNORE:
                    return finding
            elif wait:
                _remember(self._waited, peer, self._clock() + self._settings.postscreen_greet_ttl)
            return None if listed is None else await listed
        finally:
            if listed is not None:
                listed.cancel()

    def _is_trusted(self, peer: Peer) -> bool:
        return is_in(peer, self._trusted)

    def _knows(self, passed: dict[str, float], peer: Peer) -> bool:
        return self._clock() < passed.get(peer.host, 0.0)

    def _talked(self, peer: Peer) -> Finding:
        action = Action(self._settings.postscreen_greet_action)
        _log.warning("PREGREET", client=peer, action=action.value)
        code = 521 if action is Action.DROP else 550
        return Finding(action, Reply(code, "5.5.1", "Protocol error"), talked=True)

    async def _listed(self, peer: Peer) -> Finding | None:
        name = reversed_name(peer.host)
        if name is None:
            return None
        answers = await asyncio.gather(*(self._lists.lists(site, name) for site in self._sites))
        hits = [site for site, hit in zip(self._sites, answers, strict=True) if hit]
        score = sum(site.weight for site in hits)
        if score < self._settings.postscreen_dnsbl_threshold:
            _remember(self._unlisted, peer, self._clock() + self._settings.postscreen_dnsbl_ttl)
            return None
        action = Action(self._settings.postscreen_dnsbl_action)
        zones = [site.zone for site in hits if site.weight > 0]
        _log.warning("DNSBL", client=peer, score=score, lists=",".join(zones), action=action.value)
        code = 521 if action is Action.DROP else 550
        text = f"Service unavailable; client [{peer.host}] blocked using {zones[0]}"
        return None if action is Action.IGNORE else Finding(action, Reply(code, "5.7.1", text))


def read_sites(settings: SmtpSettings) -> tuple[ListItem, ...]:
    """Return the lists in ``postscreen_dnsbl_sites``.

    Raises:
        ConfigError: one cannot be read.
    """
    try:
        return tuple(ListItem.parse(text) for text in settings.postscreen_dnsbl_sites)
    except ValueError as error:
        raise ConfigError(str(error), parameter="postscreen_dnsbl_sites") from None


def _remember(passed: dict[str, float], peer: Peer, until: float) -> None:
    if len(passed) >= _MOST_REMEMBERED:
        del passed[next(iter(passed))]
    passed.pop(peer.host, None)
    passed[peer.host] = until
