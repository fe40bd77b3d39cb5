# SPDX-License-Identifier: MIT
"""Checks on the name in HELO and EHLO."""

from __future__ import annotations

import ipaddress

from homemail.errors import MailError
from homemail.model.address import Domain
from homemail.mta.api import Accept, NoOpinion
from homemail.mta.policy.check import Check, Decision, SmtpContext, later, of_helo
from homemail.resolve import DnsUnavailable


async def _reject_invalid_helo_hostname(context: SmtpContext) -> Decision:
    if _literal(context.helo) or _name(context.helo):
        return NoOpinion()
    code = context.facilities.settings.invalid_hostname_reject_code
    return of_helo(context, code, "5.5.2", "Invalid name")


async def _reject_non_fqdn_helo_hostname(context: SmtpContext) -> Decision:
    name = _name(context.helo)
    if _literal(context.helo) or (name and "." in name):
        return NoOpinion()
    code = context.facilities.settings.non_fqdn_reject_code
    return of_helo(context, code, "5.5.2", "need fully-qualified hostname")


async def _reject_unknown_helo_hostname(context: SmtpContext) -> Decision:
    """Refuse a name that has neither an address nor a mail exchanger."""
    name = _name(context.helo)
    if _literal(context.helo):
        return NoOpinion()
    code = context.facilities.settings.unknown_hostname_reject_code
    unknown = of_helo(context, code, "4.7.1", "Host not found")
    if not name:
        return unknown
    resolver = context.facilities.resolver
    try:
        found = await resolver.addresses(name) or await resolver.mx(name)
    except DnsUnavailable:
        return later(unknown)
    except MailError:
        return unknown
    return NoOpinion() if found else unknown


async def _reject_forged_helo_hostname(context: SmtpContext) -> Decision:
    """Refuse a stranger who says that he is we."""
    said, destinations = context.helo.lower().rstrip("."), context.facilities.destinations
    address = _literal(context.helo) or said
    is_ours = said in context.facilities.names or destinations.is_own_address(address)
    if not is_ours or destinations.is_own_address(context.peer.host):
        return NoOpinion()
    return of_helo(context, 554, "5.7.1", "that is my name, not yours")


async def _permit_naked_ip_address(context: SmtpContext) -> Decision:
    """Permit who says an address without brackets (RFC 5321 §4.1.3 wants them)."""
    try:
        ipaddress.ip_address(context.helo)
    except ValueError:
        return NoOpinion()
    return Accept()


def _literal(helo: str) -> str:
    """Return the IP address of ``[192.0.2.1]`` or ``[IPv6:2001:db8::1]``, else nothing."""
    if not (helo.startswith("[") and helo.endswith("]")):
        return ""
    inner = helo[1:-1]
    if inner[:5].lower() == "ipv6:":
        inner = inner[5:]
    try:
        return str(ipaddress.ip_address(inner))
    except ValueError:
        return ""


def _name(helo: str) -> str:
    """Return the host name that ``helo`` is, in its A-label form, else nothing."""
    text = helo.removesuffix(".")
    try:
        ipaddress.ip_address(text)
    except ValueError:
        pass
    else:
        return ""
    try:
        domain = Domain.parse(text)
    except ValueError:
        return ""
    return "" if domain.is_literal else domain.name


CHECKS = (
    Check("reject_invalid_helo_hostname", _reject_invalid_helo_hostname),
    Check("reject_invalid_hostname", _reject_invalid_helo_hostname),
    Check("reject_non_fqdn_helo_hostname", _reject_non_fqdn_helo_hostname),
    Check("reject_non_fqdn_hostname", _reject_non_fqdn_helo_hostname),
    Check("reject_unknown_helo_hostname", _reject_unknown_helo_hostname),
    Check("reject_unknown_hostname", _reject_unknown_helo_hostname),
    Check("reject_forged_helo_hostname", _reject_forged_helo_hostname),
    Check("permit_naked_ip_address", _permit_naked_ip_address),
)
