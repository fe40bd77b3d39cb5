# SPDX-License-Identifier: MIT
"""What ``homemail check`` looks at: one file per part of the surroundings."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from homemail.cli.checks.accounts import check_accounts
from homemail.cli.checks.certificate import check_certificate
from homemail.cli.checks.delivery import check_delivery
from homemail.cli.checks.logins import check_logins
from homemail.cli.checks.names import check_names
from homemail.cli.checks.places import check_places
from homemail.cli.checks.ports import check_ports
from homemail.cli.checks.tables import check_tables
from homemail.cli.finding import Finding
from homemail.config.settings import Settings

CHECKS: tuple[Callable[[Settings], Iterable[Finding]], ...] = (
    check_names,
    check_places,
    check_certificate,
    check_ports,
    check_accounts,
    check_logins,
    check_tables,
    check_delivery,
)
