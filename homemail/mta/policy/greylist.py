# SPDX-License-Identifier: MIT
"""Greylisting: who is unknown is asked to come later; who comes back is known (RFC 6647).

What is remembered is client network, sender and recipient. A client whose mail came back often
enough is not asked any more.
"""

from __future__ import annotations

import ipaddress
import re
import sqlite3

from homemail.config.policy import PolicySettings
from homemail.mta.api import NoOpinion
from homemail.mta.policy.check import Check, Decision, SmtpContext, of_recipient

_V4_BITS, _V6_BITS = 24, 64  # big senders come back from a neighbour (RFC 6647 §4.1)
_NUMBERS = re.compile(r"\d{4,}")  # one-time parts of the senders of mailing lists


async def _check_greylist(context: SmtpContext) -> Decision:
    path, facilities = context.forward_path, context.facilities
    if path is None or context.submitter is not None:
        return NoOpinion()
    key = (network(context.peer.host), _sender(context), str(path).casefold())
    now, settings = facilities.now(), facilities.settings
    wait = await facilities.ledger.run(lambda ledger: seen(ledger, key, now, settings), now=now)
    if not wait:
        return NoOpinion()
    return of_recipient(context, 450, "4.2.0", f"Greylisted, come back in {round(wait)} seconds")


def seen(
    ledger: sqlite3.Connection, key: tuple[str, str, str], now: float, settings: PolicySettings
) -> float:
    """Note a try; return the seconds that are left to wait, 0 where it may pass."""
    if _is_trusted(ledger, key[0], now, settings):
        return 0.0
    row = ledger.execute(
        "SELECT first, passed, until FROM greylist"
        " WHERE client = ? AND sender = ? AND recipient = ?",
        key,
    ).fetchone()
    # A clock that was set back must not make anybody wait for years.
    if row is None or row[2] < now or row[0] > now:
        until = now + max(settings.greylist_delay, settings.greylist_retry_window)
        ledger.execute(
            "INSERT OR REPLACE INTO greylist VALUES (?, ?, ?, ?, NULL, ?)", (*key, now, until)
        )
        return settings.greylist_delay
    first, passed, _ = row
    if passed is None and now - first < settings.greylist_delay:
        return float(settings.greylist_delay - (now - first))
    if passed is None:
        _count(ledger, key[0], now, settings)
    ledger.execute(
        "UPDATE greylist SET passed = ?, until = ?"
        " WHERE client = ? AND sender = ? AND recipient = ?",
        (now, now + settings.greylist_lifetime, *key),
    )
    return 0.0


def _is_trusted(
    ledger: sqlite3.Connection, client: str, now: float, settings: PolicySettings
) -> bool:
    enough = settings.greylist_auto_allow_clients
    if not enough:
        return False
    row = ledger.execute(
        "SELECT mails FROM came_back WHERE client = ? AND until >= ?", (client, now)
    ).fetchone()
    if row is None or row[0] < enough:
        return False
    ledger.execute(
        "UPDATE came_back SET until = ? WHERE client = ?",
        (now + settings.greylist_lifetime, client),
    )
    return True


def _count(ledger: sqlite3.Connection, client: str, now: float, settings: PolicySettings) -> None:
    ledger.execute(
        "INSERT INTO came_back VALUES (?, 1, ?)"
        " ON CONFLICT (client) DO UPDATE SET mails = mails + 1, until = excluded.until",
        (client, now + settings.greylist_lifetime),
    )


def network(host: str) -> str:
    """Return the network that a client counts as."""
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return host
    mapped = getattr(address, "ipv4_mapped", None) or address
    bits = _V4_BITS if mapped.version == 4 else _V6_BITS
    return str(ipaddress.ip_network(f"{mapped}/{bits}", strict=False))


def _sender(context: SmtpContext) -> str:
    path = context.reverse_path
    if path is None:
        return "<>"
    local_part = _NUMBERS.sub("#", path.local_part.casefold().partition("+")[0])
    return f"{local_part}@{path.domain.name}"


CHECKS = (Check("check_greylist", _check_greylist),)
