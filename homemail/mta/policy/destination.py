# SPDX-License-Identifier: MIT
"""Checks on where the recipient's mail would go."""

from __future__ import annotations

import ipaddress

from homemail.errors import MailError
from homemail.mta.api import Accept, Defer, NoOpinion, Reject, RouteRefused
from homemail.mta.policy.check import (
    Check,
    Decision,
    ForStrangers,
    SmtpContext,
    of_recipient,
    of_sender,
    refuse,
)
from homemail.resolve import DnsUnavailable


async def _permit_auth_destination(context: SmtpContext) -> Decision:
    return NoOpinion() if context.is_for_elsewhere else Accept()


async def _reject_unauth_destination(context: SmtpContext) -> Decision:
    code = context.facilities.settings.relay_domains_reject_code
    return _deny_relay(context, code) if context.is_for_elsewhere else NoOpinion()


async def _defer_unauth_destination(context: SmtpContext) -> Decision:
    return _deny_relay(context, 450) if context.is_for_elsewhere else NoOpinion()


def _deny_relay(context: SmtpContext, code: int) -> Reject | Defer:
    return refuse(code, "5.7.1", f"<{context.forward_path}>: Relay access denied")


async def _reject_unlisted_recipient(context: SmtpContext) -> Decision:
    if not isinstance(context.route, RouteRefused):
        return NoOpinion()
    reply = context.route.reply
    return Reject(reply) if reply.permanent else Defer(reply)


async def _reject_unlisted_sender(context: SmtpContext) -> Decision:
    sender, facilities = context.reverse_path, context.facilities
    if sender is None:
        return NoOpinion()
    route = await facilities.destinations.route(sender)
    if not isinstance(route, RouteRefused):
        return NoOpinion()
    if route.reply.temporary:
        return of_sender(context, route.reply.code, "4.3.0", "Temporary lookup failure")
    code = facilities.settings.unlisted_sender_reject_code
    return of_sender(context, code, "5.1.0", "User unknown")


async def _permit_mx_backup(context: SmtpContext) -> Decision:
    """Permit where we are a mail exchanger of the recipient's domain, and not its best one."""
    path, facilities = context.forward_path, context.facilities
    if path is None or not context.is_for_elsewhere:
        return Accept()
    if any(letter in path.local_part for letter in "@%!") or path.domain.is_literal:
        return NoOpinion()
    try:
        exchangers = sorted(await facilities.resolver.mx(path.domain.name))
        best = [one.host for one in exchangers if one.preference == exchangers[0].preference]
        hosts = [(one.host, await _addresses(context, one.host)) for one in exchangers]
    except DnsUnavailable:
        return of_recipient(context, 450, "4.4.4", "Domain not found, try again later")
    except MailError:
        return NoOpinion()
    ours = {host for host, addresses in hosts if _is_ours(context, host, addresses)}
    if not ours or ours & set(best):
        return NoOpinion()
    networks = facilities.settings.permit_mx_backup_networks
    primary = [address for host, addresses in hosts if host in best for address in addresses]
    if networks and not (primary and all(_is_within(each, networks) for each in primary)):
        return NoOpinion()
    return Accept()


async def _addresses(context: SmtpContext, host: str) -> tuple[str, ...]:
    try:
        return await context.facilities.resolver.addresses(host)
    except DnsUnavailable:
        raise
    except MailError:
        return ()


def _is_ours(context: SmtpContext, host: str, addresses: tuple[str, ...]) -> bool:
    facilities = context.facilities
    return host in facilities.names or any(map(facilities.destinations.is_own_address, addresses))


def _is_within(address: str, networks: tuple[str, ...]) -> bool:
    return any(ipaddress.ip_address(address) in ipaddress.ip_network(one) for one in networks)


async def _check_relay_domains(context: SmtpContext) -> Decision:
    """What old books have in place of ``reject_unauth_destination``."""
    refusal = await _reject_unauth_destination(context)
    return Accept() if isinstance(refusal, NoOpinion) else refusal


CHECKS = (
    Check("permit_auth_destination", _permit_auth_destination),
    Check("permit_mx_backup", _permit_mx_backup),
    Check("reject_unauth_destination", _reject_unauth_destination, ForStrangers.REFUSES),
    Check("defer_unauth_destination", _defer_unauth_destination, ForStrangers.REFUSES),
    Check("check_relay_domains", _check_relay_domains, ForStrangers.REFUSES),
    Check("reject_unlisted_recipient", _reject_unlisted_recipient),
    Check("reject_unlisted_sender", _reject_unlisted_sender),
)
