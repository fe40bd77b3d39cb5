# SPDX-License-Identifier: MIT
"""Puts together what the checks of a house work with."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from homemail.config.policy import PolicySettings
from homemail.config.site import SiteSettings
from homemail.mta.policy.check import Destinations, Facilities
from homemail.mta.policy.dns_list import DnsLists
from homemail.mta.policy.ledger import PolicyLedger
from homemail.mta.policy.policy_client import PolicyClients
from homemail.resolve import Resolver

LEDGER = ("ledger", "policy.sqlite")


def make_facilities(
    settings: PolicySettings,
    site: SiteSettings,
    destinations: Destinations,
    resolver: Resolver,
    *,
    ledger: Path | None,
    now: Callable[[], float] = time.time,
) -> Facilities:
    """Return the facilities; ``ledger`` None remembers in memory alone."""
    return Facilities(
        settings,
        resolver,
        destinations,
        DnsLists(resolver, timeout=settings.dnsbl_timeout, cache_time=settings.dnsbl_cache_time),
        PolicyClients(
            site.queue_directory,
            timeout=settings.smtpd_policy_service_timeout,
            tries=settings.smtpd_policy_service_try_limit,
            retry_delay=settings.smtpd_policy_service_retry_delay,
        ),
        PolicyLedger(ledger),
        now,
        site.myhostname,
        frozenset(name.lower() for name in (site.myhostname, *site.mydestination)),
    )
