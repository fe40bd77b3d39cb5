# SPDX-License-Identifier: MIT
"""A small Internet for the checks, and a way to ask one list about one recipient."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

from homemail.config.policy import PolicySettings
from homemail.config.smtp import SmtpSettings
from homemail.model.address import Address, ReversePath
from homemail.model.envelope import Recipient
from homemail.model.session import Peer
from homemail.mta.policy.check import Facilities, SmtpContext
from homemail.mta.policy.client_host import ClientHost
from homemail.mta.policy.facilities import make_facilities
from homemail.mta.policy.restrictions import Restrictions, Ruling
from homemail.mta.route import Router
from homemail.resolve import FakeResolver, Mx
from tests.mta.smtp_server import SITE, TRUSTED, Accounts

NOW = 1_795_000_000.0

RESOLVER = FakeResolver(
    mxs={
        "mail.example": (Mx(10, "mx.mail.example"),),
        "null.example": (Mx(0, ""),),
        "backed.example": (Mx(10, "mx.mail.example"), Mx(20, "mail.home.test")),
        "primary.example": (Mx(10, "mail.home.test"), Mx(20, "mx.mail.example")),
        "odd.example": (Mx(10, "odd-mx.example"),),
    },
    hosts={
        "mx.mail.example": ("198.51.100.5", "2001:db8::5"),
        "host.example": ("198.51.100.6",),
        "forged.example": ("203.0.113.99",),
        "odd-mx.example": ("127.0.0.1",),
        "mail.home.test": ("192.0.2.25",),
        "2.100.51.198.bl.test": ("127.0.0.2",),
        "3.100.51.198.bl.test": ("127.0.0.10",),
        "2.100.51.198.dead.test": ("127.0.0.2",),
        "1.0.0.127.dead.test": ("127.0.0.2",),
        "2.100.51.198.good.test": ("127.0.5.1",),
        "9.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.bl.test": ("127.0.0.2",),
        "spam.example.dbl.test": ("127.0.1.2",),
        "host.example.dbl.test": ("127.0.1.2",),
        "spam.example": ("198.51.100.7",),
    },
    pointers={
        "198.51.100.6": ("host.example",),
        "198.51.100.2": ("forged.example",),
        "198.51.100.3": ("nowhere.example",),
    },
    notes={"2.100.51.198.bl.test": ("listed for", "spam\r\n250 forged")},
    unavailable=frozenset({"down.example", "198.51.100.4", "2.100.51.198.slow.test"}),
)


def facilities(ledger: Path | None = None, now=lambda: NOW, **policy) -> Facilities:
    """Return what the checks work with; ``policy`` are settings."""
    router = Router(SITE, Accounts(), is_own_address=frozenset({"192.0.2.25"}).__contains__)
    return make_facilities(PolicySettings(**policy), SITE, router, RESOLVER, ledger=ledger, now=now)


def context(
    client: str = "198.51.100.1",
    helo: str = "client.example",
    sender: str | None = "a@mail.example",
    recipient: str = "alice@home.test",
    *,
    around: Facilities | None = None,
    **more,
) -> SmtpContext:
    """Return what is known of a recipient at RCPT; ``sender`` None is the null sender."""
    around = around or facilities()
    path: ReversePath = None if sender is None else Address.parse(sender)
    forward = Address.parse(recipient)
    route = asyncio.run(around.destinations.route(forward))
    peer = Peer(client, 4000)
    made = SmtpContext(
        peer,
        helo,
        None,
        path,
        Recipient(forward),
        route,
        TRUSTED,
        around,
        ClientHost(peer, around.resolver),
    )
    return replace(made, **more)


def rule(about: SmtpContext, *words: str, where: str = "smtpd_recipient_restrictions") -> Ruling:
    """Return what the list ``where`` says when it is ``words``; the others are as they are."""
    restrictions = Restrictions(SmtpSettings(**{where: words}), TRUSTED)
    return asyncio.run(restrictions.at_rcpt(about))


def said(about: SmtpContext, *words: str, **more) -> str:
    """Return the reply that refuses, or nothing."""
    refusal = rule(about, *words, **more).refusal
    return "" if refusal is None else str(refusal.decision.reply)
