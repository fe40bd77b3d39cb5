# SPDX-License-Identifier: MIT
"""Checks on the client's names in DNS."""

from __future__ import annotations

from homemail.mta.api import NoOpinion
from homemail.mta.policy.check import Check, Decision, SmtpContext, refuse
from homemail.mta.policy.client_host import UNKNOWN


async def _reject_unknown_client_hostname(context: SmtpContext) -> Decision:
    """Refuse where the address has no name, or the name does not lead back to it."""
    names = await context.host.names()
    return _decide(context, names.verified, names.is_certain, "hostname")


async def _reject_unknown_forward_client_hostname(context: SmtpContext) -> Decision:
    names = await context.host.names()
    return _decide(context, names.forward, names.is_certain, "forward hostname")


async def _reject_unknown_reverse_client_hostname(context: SmtpContext) -> Decision:
    names = await context.host.names()
    certain = names.is_certain or names.reverse != UNKNOWN
    return _decide(context, names.reverse, certain, "reverse hostname")


def _decide(context: SmtpContext, name: str, is_certain: bool, what: str) -> Decision:
    if name != UNKNOWN:
        return NoOpinion()
    code = context.facilities.settings.unknown_client_reject_code if is_certain else 450
    text = f"Client host rejected: cannot find your {what}, [{context.peer.host}]"
    return refuse(code, "4.7.25", text)


CHECKS = (
    Check("reject_unknown_client_hostname", _reject_unknown_client_hostname),
    Check("reject_unknown_client", _reject_unknown_client_hostname),
    Check("reject_unknown_forward_client_hostname", _reject_unknown_forward_client_hostname),
    Check("reject_unknown_reverse_client_hostname", _reject_unknown_reverse_client_hostname),
)
