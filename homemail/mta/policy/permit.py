# SPDX-License-Identifier: MIT
"""Checks that permit or refuse whatever the addresses are."""

from __future__ import annotations

from homemail.mta.api import Accept, NoOpinion
from homemail.mta.policy.check import (
    Check,
    Decision,
    DeferIf,
    ForStrangers,
    SmtpContext,
    is_in,
    rejected,
)


async def _permit(_: SmtpContext) -> Decision:
    return Accept()


async def _permit_mynetworks(context: SmtpContext) -> Decision:
    return Accept() if is_in(context.peer, context.mynetworks) else NoOpinion()


async def _permit_sasl_authenticated(context: SmtpContext) -> Decision:
    return NoOpinion() if context.submitter is None else Accept()


async def _permit_inet_interfaces(context: SmtpContext) -> Decision:
    host = context.peer.host
    own = context.facilities.destinations.is_own_address(host)
    return Accept() if own else NoOpinion()


async def _reject(context: SmtpContext) -> Decision:
    code = context.facilities.settings.reject_code
    return rejected(context, code, "5.7.1", "Access denied")


async def _defer(context: SmtpContext) -> Decision:
    code = context.facilities.settings.defer_code
    return rejected(context, code, "4.7.1", "Try again later")


async def _defer_if_permit(context: SmtpContext) -> Decision:
    return DeferIf(rejected(context, 450, "4.7.1", "Try again later").reply)


async def _defer_if_reject(context: SmtpContext) -> Decision:
    return DeferIf(rejected(context, 450, "4.7.1", "Try again later").reply, rejects=True)


CHECKS = (
    Check("permit", _permit, ForStrangers.PERMITS),
    Check("permit_mynetworks", _permit_mynetworks),
    Check("permit_sasl_authenticated", _permit_sasl_authenticated),
    Check("permit_inet_interfaces", _permit_inet_interfaces),
    Check("reject", _reject, ForStrangers.REFUSES),
    Check("defer", _defer, ForStrangers.REFUSES),
    Check("defer_if_permit", _defer_if_permit),
    Check("defer_if_reject", _defer_if_reject),
)
