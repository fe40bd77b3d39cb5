# SPDX-License-Identifier: MIT
"""Policy: the checks that the restriction lists name, one file per family."""

from __future__ import annotations

from homemail.mta.policy import destination, permit
from homemail.mta.policy.check import Check

CHECKS: tuple[Check, ...] = (
    permit.PERMIT,
    permit.PERMIT_MYNETWORKS,
    permit.PERMIT_SASL_AUTHENTICATED,
    permit.REJECT,
    permit.DEFER,
    destination.PERMIT_AUTH_DESTINATION,
    destination.REJECT_UNAUTH_DESTINATION,
    destination.DEFER_UNAUTH_DESTINATION,
    destination.REJECT_UNLISTED_RECIPIENT,
)
