# SPDX-License-Identifier: MIT
"""Policy: the checks that the restriction lists name, one file per family."""

from __future__ import annotations

from homemail.mta.policy import (
    access,
    address,
    client,
    destination,
    dns_lists,
    greylist,
    helo,
    permit,
    pipelining,
    policy_service,
    sender_rate,
)
from homemail.mta.policy.check import Check, CheckWithArgument

CHECKS: tuple[Check | CheckWithArgument, ...] = (
    *permit.CHECKS,
    *destination.CHECKS,
    *client.CHECKS,
    *helo.CHECKS,
    *address.CHECKS,
    *pipelining.CHECKS,
    *access.CHECKS,
    *dns_lists.CHECKS,
    *greylist.CHECKS,
    *sender_rate.CHECKS,
    *policy_service.CHECKS,
)
