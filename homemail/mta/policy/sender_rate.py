# SPDX-License-Identifier: MIT
"""A limit on what one sender sends in a time: an account that was stolen must not send all night.

A sender is the account that logged in, else the address in MAIL.
"""

from __future__ import annotations

import sqlite3

from homemail.config.policy import PolicySettings
from homemail.log import Log
from homemail.mta.api import NoOpinion
from homemail.mta.policy.check import Check, Decision, SmtpContext, of_sender

_log = Log("policy")


async def _check_sender_rate(context: SmtpContext) -> Decision:
    facilities = context.facilities
    settings, now = facilities.settings, facilities.now()
    if not settings.sender_rate_limit or context.recipient is None:
        return NoOpinion()
    sender = str(context.submitter or context.reverse_path or "").casefold()
    if not sender:
        return NoOpinion()
    sent = await facilities.ledger.run(lambda ledger: count(ledger, sender, now, settings), now=now)
    if sent <= settings.sender_rate_limit:
        return NoOpinion()
    _log.warning("sends too much", sender=sender, recipients=sent, client=context.peer)
    return of_sender(context, 450, "4.7.1", "too many recipients, try again later")


def count(ledger: sqlite3.Connection, sender: str, now: float, settings: PolicySettings) -> int:
    """Count a recipient; return how many there were in this time, with it.

    One that is refused is not kept: the sender may go on when the time is over.
    """
    row = ledger.execute(
        "SELECT began, recipients FROM sent WHERE sender = ?", (sender,)
    ).fetchone()
    if row is None or not 0 <= now - row[0] < settings.sender_rate_time:
        row = (now, 0)
    recipients = int(row[1]) + 1
    if recipients <= settings.sender_rate_limit:
        until = row[0] + settings.sender_rate_time
        ledger.execute(
            "INSERT OR REPLACE INTO sent VALUES (?, ?, ?, ?)", (sender, row[0], recipients, until)
        )
    return recipients


CHECKS = (Check("check_sender_rate", _check_sender_rate),)
