# SPDX-License-Identifier: MIT
"""Checks on where the recipient's mail would go."""

from __future__ import annotations

from homemail.model.reply import Reply
from homemail.mta.api import Accept, Defer, NoOpinion, Reject, Relay, Route, RouteRefused
from homemail.mta.policy.check import Check, Decision, ForStrangers, SmtpContext


def is_elsewhere(route: Route) -> bool:
    """Whether mail would leave for where nobody asked us to take it."""
    return isinstance(route, Relay) and not route.invited


async def _permit_auth_destination(context: SmtpContext) -> Decision:
    return NoOpinion() if is_elsewhere(context.route) else Accept()


async def _reject_unauth_destination(context: SmtpContext) -> Decision:
    if not is_elsewhere(context.route):
        return NoOpinion()
    text = f"<{context.recipient.forward_path}>: Relay access denied"
    return Reject(Reply(554, "5.7.1", text))


async def _defer_unauth_destination(context: SmtpContext) -> Decision:
    if not is_elsewhere(context.route):
        return NoOpinion()
    text = f"<{context.recipient.forward_path}>: Relay access denied"
    return Defer(Reply(450, "4.7.1", text))


async def _reject_unlisted_recipient(context: SmtpContext) -> Decision:
    if not isinstance(context.route, RouteRefused):
        return NoOpinion()
    reply = context.route.reply
    return Reject(reply) if reply.permanent else Defer(reply)


PERMIT_AUTH_DESTINATION = Check("permit_auth_destination", _permit_auth_destination)
REJECT_UNAUTH_DESTINATION = Check(
    "reject_unauth_destination", _reject_unauth_destination, ForStrangers.REFUSES
)
DEFER_UNAUTH_DESTINATION = Check(
    "defer_unauth_destination", _defer_unauth_destination, ForStrangers.REFUSES
)
REJECT_UNLISTED_RECIPIENT = Check("reject_unlisted_recipient", _reject_unlisted_recipient)
