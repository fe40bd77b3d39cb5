# SPDX-License-Identifier: MIT
"""Lists in DNS (RFC 5782): asked with a time limit, remembered for a while.

A list that does not answer in time, or cannot be asked, counts as empty: mail comes in. A list that
lists ``127.0.0.1`` lists everybody (RFC 5782 §5), as lists do that have died; the caller asks
``is_sane`` before he counts on an answer.
"""

from __future__ import annotations

import asyncio
import ipaddress
import re
import time
from collections.abc import Callable
from dataclasses import dataclass

from homemail.errors import MailError
from homemail.log import Log
from homemail.resolve import NoSuchName, Resolver

_MOST_REMEMBERED = 10_000
_ITEM = re.compile(r"(?P<zone>[^=*\s]+)(?:=(?P<filter>[^*\s]+))?(?:\*(?P<weight>-?\d{1,6}))?")
_OCTET = re.compile(r"\[([^\]]+)\]|(\d{1,3})")

_log = Log("policy")


@dataclass(frozen=True, slots=True)
class ListItem:
    """``zone=filter*weight``: which answers of a list count, and how much."""

    zone: str
    octets: tuple[frozenset[int], ...] = ()
    weight: int = 1

    @classmethod
    def parse(cls, text: str) -> ListItem:
        """Return the list in ``text``, such as ``list.example=127.0.0.[2..11]*2``.

        Raises:
            ValueError: it is none.
        """
        found = _ITEM.fullmatch(text.strip())
        if found is None:
            raise ValueError('expected a list such as "list.example=127.0.0.2"')
        octets = _filter(found["filter"]) if found["filter"] else ()
        return cls(found["zone"].strip(".").lower(), octets, int(found["weight"] or 1))

    def counts(self, addresses: tuple[str, ...]) -> bool:
        """Whether one of the answers is meant; without a filter, each in 127.0.0.0/8 is."""
        return any(self._is_meant(address) for address in addresses)

    def _is_meant(self, address: str) -> bool:
        parts = [int(part) for part in address.split(".")]
        if not self.octets:
            return parts[0] == 127
        return all(part in meant for part, meant in zip(parts, self.octets, strict=True))


def _filter(text: str) -> tuple[frozenset[int], ...]:
    """Return the numbers that each octet may have in ``127.0.[0..3].[2;4..6]``."""
    octets: list[frozenset[int]] = []
    at = 0
    while found := _OCTET.match(text, at):
        octets.append(
            frozenset(n for part in (found[1] or found[2]).split(";") for n in _span(part))
        )
        at = found.end()
        if at == len(text):
            break
        if text[at] != ".":
            raise ValueError('expected a filter such as "127.0.0.[2..11]"')
        at += 1
    if len(octets) != 4 or at != len(text):
        raise ValueError('expected a filter such as "127.0.0.[2..11]"')
    return tuple(octets)


def _span(text: str) -> range:
    low, dots, high = text.partition("..")
    if not low.isdecimal() or (dots and not high.isdecimal()):
        raise ValueError('expected numbers such as "2" or "2..11" in the filter')
    first, last = int(low), int(high if dots else low)
    if not 0 <= first <= last <= 255:
        raise ValueError("expected numbers from 0 to 255 in the filter")
    return range(first, last + 1)


def reversed_name(address: str) -> str | None:
    """Return the name under which an IP address stands in a list (RFC 5782 §2.1, §2.4)."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return None
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped is None:
            return ".".join(reversed(parsed.exploded.replace(":", "")))
        parsed = parsed.ipv4_mapped
    return ".".join(reversed(str(parsed).split(".")))


class DnsLists:
    """Asks lists and remembers what they said. Times are in seconds."""

    def __init__(
        self,
        resolver: Resolver,
        *,
        timeout: float,
        cache_time: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._resolver = resolver
        self._timeout = timeout
        self._cache_time = cache_time
        self._clock = clock
        self._known: dict[str, tuple[float, tuple[str, ...]]] = {}
        self._asked: dict[str, asyncio.Task[tuple[str, ...]]] = {}

    async def lists(self, item: ListItem, name: str) -> bool:
        """Whether ``name`` (an address reversed, or a domain) is in the list."""
        if not item.counts(await self._ask(f"{name}.{item.zone}")):
            return False
        if await self.is_sane(item):
            return True
        _log.warning("this list lists everybody, so it counts as empty", list=item.zone)
        return False

    async def is_sane(self, item: ListItem) -> bool:
        """Whether the list does not hold what no list may hold.

        Source: RFC 5782 §5.
        """
        return not item.counts(await self._ask(f"1.0.0.127.{item.zone}"))

    async def reason(self, item: ListItem, name: str) -> str:
        """Return what the list says for people, in one line; empty where it says nothing."""
        try:
            async with asyncio.timeout(self._timeout):
                texts = await self._resolver.texts(f"{name}.{item.zone}")
        except (MailError, TimeoutError):
            return ""
        line = " ".join(" ".join(texts).split())
        return "".join(letter if letter.isprintable() else "?" for letter in line)[:200]

    async def _ask(self, name: str) -> tuple[str, ...]:
        known = self._known.get(name)
        if known is not None and self._clock() < known[0]:
            return known[1]
        task = self._asked.get(name)
        if task is None:
            task = asyncio.ensure_future(self._look_up(name))
            self._asked[name] = task
            task.add_done_callback(lambda _: self._asked.pop(name, None))
        return await asyncio.shield(task)

    async def _look_up(self, name: str) -> tuple[str, ...]:
        try:
            async with asyncio.timeout(self._timeout):
                addresses = await self._resolver.listed(name)
        except NoSuchName:
            addresses = ()
        except (MailError, TimeoutError) as error:
            _log.warning("a list in DNS cannot be asked", name=name, error=repr(error))
            return ()
        if len(self._known) >= _MOST_REMEMBERED:
            del self._known[next(iter(self._known))]
        self._known.pop(name, None)
        self._known[name] = (self._clock() + self._cache_time, addresses)
        return addresses
