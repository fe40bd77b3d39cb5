# SPDX-License-Identifier: MIT
"""A check on clients that talk ahead without leave."""

from __future__ import annotations

from homemail.mta.api import NoOpinion
from homemail.mta.policy.check import Check, Decision, SmtpContext, rejected


async def _reject_unauth_pipelining(context: SmtpContext) -> Decision:
    """Refuse who sent commands before he could know that he may (RFC 2920 §3.1)."""
    if not context.talks_ahead:
        return NoOpinion()
    return rejected(context, 503, "5.5.0", "Improper use of SMTP command pipelining")


CHECKS = (Check("reject_unauth_pipelining", _reject_unauth_pipelining),)
