# SPDX-License-Identifier: MIT
"""Checks that permit or refuse whatever the recipient is."""

from __future__ import annotations

from homemail.model.reply import Reply
from homemail.mta.api import Accept, Defer, NoOpinion, Reject
from homemail.mta.policy.check import Check, Decision, ForStrangers, SmtpContext, is_in


async def _permit(_: SmtpContext) -> Decision:
    return Accept()


async def _permit_mynetworks(context: SmtpContext) -> Decision:
    return Accept() if is_in(context.peer, context.mynetworks) else NoOpinion()


async def _permit_sasl_authenticated(context: SmtpContext) -> Decision:
    return NoOpinion() if context.submitter is None else Accept()


async def _reject(context: SmtpContext) -> Decision:
    text = f"<{context.recipient.forward_path}>: Recipient address rejected: Access denied"
    return Reject(Reply(554, "5.7.1", text))


async def _defer(context: SmtpContext) -> Decision:
    text = f"<{context.recipient.forward_path}>: Recipient address rejected: Try again later"
    return Defer(Reply(450, "4.7.1", text))


PERMIT = Check("permit", _permit, ForStrangers.PERMITS)
PERMIT_MYNETWORKS = Check("permit_mynetworks", _permit_mynetworks)
PERMIT_SASL_AUTHENTICATED = Check("permit_sasl_authenticated", _permit_sasl_authenticated)
REJECT = Check("reject", _reject, ForStrangers.REFUSES)
DEFER = Check("defer", _defer, ForStrangers.REFUSES)
