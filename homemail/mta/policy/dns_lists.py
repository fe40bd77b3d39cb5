# SPDX-License-Identifier: MIT
"""Checks that ask lists in DNS: of clients (RBL), of domains (RHSBL), of those to be trusted."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from homemail.mta.api import Accept, Defer, NoOpinion, Reject
from homemail.mta.policy.check import (
    Ask,
    Check,
    CheckWithArgument,
    Decision,
    Reading,
    SmtpContext,
    refuse,
)
from homemail.mta.policy.client_host import UNKNOWN
from homemail.mta.policy.dns_list import ListItem, reversed_name

ZONE = "a list such as list.example or list.example=127.0.0.2"

_Name = Callable[[SmtpContext], Awaitable[tuple[str, str] | None]]
"""Returns what is looked up, and how a refusal names it."""


async def _client(context: SmtpContext) -> tuple[str, str] | None:
    name = reversed_name(context.peer.host)
    return None if name is None else (name, f"Client host [{context.peer.host}]")


async def _client_name(context: SmtpContext) -> tuple[str, str] | None:
    name = (await context.host.names()).verified
    return None if name == UNKNOWN else (name, f"Client host [{name}]")


async def _reverse_client_name(context: SmtpContext) -> tuple[str, str] | None:
    name = (await context.host.names()).reverse
    return None if name == UNKNOWN else (name, f"Unverified Client host [{name}]")


async def _helo(context: SmtpContext) -> tuple[str, str] | None:
    name = context.helo.strip(".").lower()
    return None if "." not in name or "[" in name else (name, f"Helo command [{context.helo}]")


async def _sender(context: SmtpContext) -> tuple[str, str] | None:
    path = context.reverse_path
    if path is None or path.domain.is_literal:
        return None
    return path.domain.name, f"Sender address [{path}]"


async def _recipient(context: SmtpContext) -> tuple[str, str] | None:
    path = context.forward_path
    if path is None or path.domain.is_literal:
        return None
    return path.domain.name, f"Recipient address [{path}]"


async def _refuse_listed(context: SmtpContext, item: ListItem, name: _Name) -> Decision:
    found = await name(context)
    if found is None or not await context.facilities.dns_lists.lists(item, found[0]):
        return NoOpinion()
    return await _blocked(context, item, *found)


async def _blocked(context: SmtpContext, item: ListItem, name: str, words: str) -> Reject | Defer:
    reason = await context.facilities.dns_lists.reason(item, name)
    text = f"Service unavailable; {words} blocked using {item.zone}"
    code = context.facilities.settings.maps_rbl_reject_code
    return refuse(code, "5.7.1", f"{text}; {reason}" if reason else text)


def _rejects(name: _Name) -> Callable[[str, Reading], Ask]:
    def build(argument: str, _: Reading) -> Ask:
        item = ListItem.parse(argument)

        async def check(context: SmtpContext) -> Decision:
            return await _refuse_listed(context, item, name)

        return check

    return build


def _permits(name: _Name) -> Callable[[str, Reading], Ask]:
    def build(argument: str, _: Reading) -> Ask:
        item = ListItem.parse(argument)

        async def check(context: SmtpContext) -> Decision:
            found = await name(context)
            # Who is trusted by a list may skip checks, but never relay by it.
            if found is None or context.is_for_elsewhere:
                return NoOpinion()
            listed = await context.facilities.dns_lists.lists(item, found[0])
            return Accept() if listed else NoOpinion()

        return check

    return build


async def _reject_maps_rbl(context: SmtpContext) -> Decision:
    """What old books have: asks every list of ``maps_rbl_domains``."""
    for zone in context.facilities.settings.maps_rbl_domains:
        decision = await _refuse_listed(context, ListItem.parse(zone), _client)
        if not isinstance(decision, NoOpinion):
            return decision
    return NoOpinion()


CHECKS: tuple[Check | CheckWithArgument, ...] = (
    CheckWithArgument("reject_rbl_client", ZONE, _rejects(_client)),
    CheckWithArgument("reject_rhsbl_client", ZONE, _rejects(_client_name)),
    CheckWithArgument("reject_rhsbl_reverse_client", ZONE, _rejects(_reverse_client_name)),
    CheckWithArgument("reject_rhsbl_helo", ZONE, _rejects(_helo)),
    CheckWithArgument("reject_rhsbl_sender", ZONE, _rejects(_sender)),
    CheckWithArgument("reject_rhsbl_recipient", ZONE, _rejects(_recipient)),
    CheckWithArgument("permit_dnswl_client", ZONE, _permits(_client)),
    CheckWithArgument("permit_rhswl_client", ZONE, _permits(_client_name)),
    Check("reject_maps_rbl", _reject_maps_rbl),
)
