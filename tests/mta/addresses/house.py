# SPDX-License-Identifier: MIT
"""Addressing over the accounts of ``tests.mta.smtp_server``, with tables as a test writes them."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

from homemail.auth.api import Account
from homemail.config.addresses import AddressSettings
from homemail.config.local import LocalSettings
from homemail.config.queue import SendingSettings
from homemail.model.address import Address, account_id
from homemail.model.envelope import Recipient
from homemail.mta.addresses.resolve import Addressing, Resolved
from homemail.mta.addresses.steps import Step
from homemail.mta.api import AliasTarget, Local, Relay, Route, RouteRefused
from homemail.mta.route import Router
from tests.mta.smtp_server import SITE, Accounts

SENDER = Address.parse("ann@elsewhere.example")


_TEXTS = ("fallback_transport", "luser_relay")


def inline(**entries: str) -> str:
    """Return an inline table; ``__`` in a key stands for ``@``."""
    pairs = (f"{{{key.replace('__', '@')} = {value}}}" for key, value in entries.items())
    return "inline:{" + ", ".join(pairs) + "}"


def table(entries: dict[str, str]) -> str:
    """Return an inline table with any keys."""
    return "inline:{" + ", ".join(f"{{{key} = {value}}}" for key, value in entries.items()) + "}"


def addressing(
    *, site: dict | None = None, sending: dict | None = None, local: dict | None = None, **settings
) -> Addressing:
    """Return the addressing of a house with these settings; a text stands for a list of one."""
    accounts = Accounts()
    for name in ("shop@shop.example", "list"):
        accounts.put(Account(account_id(name), Path("/nonexistent")), ())
    values = {
        name: (value,) if isinstance(value, str) and name not in _TEXTS else value
        for name, value in settings.items()
    }
    router = Router(
        replace(SITE, **(site or {})),
        accounts,
        SendingSettings(**(sending or {})),
        addresses=AddressSettings(**values),
    )
    return Addressing(router, LocalSettings(**(local or {})))


def resolve(
    made: Addressing, text: str, sender: Address | None = SENDER, steps: list[Step] | None = None
) -> Resolved:
    note = (lambda step: None) if steps is None else steps.append
    return asyncio.run(made.resolve(Recipient(Address.parse(text)), sender, note))


def ends(made: Addressing, text: str, sender: Address | None = SENDER) -> list[str]:
    """Return where mail for ``text`` ends: accounts, next hops, targets, refusals."""
    resolved = resolve(made, text, sender)
    if isinstance(resolved.route, RouteRefused):
        return [shown(resolved.route)]
    return [shown(one.route) for one in resolved.accepted]


def shown(route: Route) -> str:
    match route:
        case Local(account, detail, _):
            return account if detail is None else f"{account}+{detail}"
        case Relay(hop):
            return str(hop)
        case RouteRefused(reply):
            return str(reply)
        case AliasTarget(target):
            return target
