# SPDX-License-Identifier: MIT
"""The restriction lists: read once, asked in order at RCPT, first decision wins in each list.

Settings that would relay for everybody are refused when the lists are read: a stranger's mail to
elsewhere must meet a check that refuses it in ``smtpd_relay_restrictions`` or in
``smtpd_recipient_restrictions``, and ``mynetworks`` must not be the whole Internet.
"""

from __future__ import annotations

import difflib
import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from typing import assert_never

from homemail.config.declare import IpNetwork
from homemail.config.smtp import SmtpSettings
from homemail.errors import ConfigError
from homemail.mta.api import Accept, Defer, NoOpinion, Reject
from homemail.mta.policy import CHECKS
from homemail.mta.policy.check import Check, ForStrangers, SmtpContext

_BY_NAME = {check.name: check for check in CHECKS}

LISTS = (
    "smtpd_client_restrictions",
    "smtpd_helo_restrictions",
    "smtpd_sender_restrictions",
    "smtpd_relay_restrictions",
    "smtpd_recipient_restrictions",
)


@dataclass(frozen=True, slots=True)
class Refusal:
    """The decision against a recipient, and the name of the check that took it."""

    decision: Reject | Defer
    check: str


class Restrictions:
    """The checks of every list, in order."""

    def __init__(self, settings: SmtpSettings, mynetworks: Sequence[IpNetwork]) -> None:
        """Read the lists.

        Raises:
            ConfigError: an unknown check, or settings that make an open relay.
        """
        self.mynetworks = tuple(mynetworks)
        self._lists = tuple(_read(name, getattr(settings, name)) for name in LISTS)
        _refuse_open_relay(self._lists[-2], self._lists[-1], self.mynetworks)

    async def refuse(self, context: SmtpContext) -> Refusal | None:
        """Return the first refusal that a list comes to, or None."""
        for checks in self._lists:
            refusal = await _ask(checks, context)
            if refusal is not None:
                return refusal
        return None


async def _ask(checks: Sequence[Check], context: SmtpContext) -> Refusal | None:
    for check in checks:
        decision = await check.check(context)
        match decision:
            case Accept():
                return None
            case Reject() | Defer():
                return Refusal(decision, check.name)
            case NoOpinion():
                continue
            case _:
                assert_never(decision)
    return None


def _read(parameter: str, names: Sequence[str]) -> tuple[Check, ...]:
    for name in names:
        if name not in _BY_NAME:
            near = difflib.get_close_matches(name, _BY_NAME, 1)
            hint = f'; did you mean "{near[0]}"?' if near else ""
            raise ConfigError(f'unknown check "{name}"{hint}', parameter=parameter)
    return tuple(_BY_NAME[name] for name in names)


def _refuse_open_relay(
    relay: Sequence[Check], recipient: Sequence[Check], mynetworks: Sequence[IpNetwork]
) -> None:
    if not _refuses_strangers(relay) and not _refuses_strangers(recipient):
        raise ConfigError(
            "these checks let anybody send to anywhere; expected reject_unauth_destination or "
            'another check that refuses, before any "permit"',
            parameter="smtpd_relay_restrictions",
        )
    if _covers_a_whole_internet(mynetworks):
        raise ConfigError(
            "every address of the Internet is in it, so anybody could send to anywhere",
            parameter="mynetworks",
        )


def _refuses_strangers(checks: Sequence[Check]) -> bool:
    for check in checks:
        if check.for_strangers is not ForStrangers.PASSES:
            return check.for_strangers is ForStrangers.REFUSES
    return False


def _covers_a_whole_internet(networks: Sequence[IpNetwork]) -> bool:
    """Whether the networks together are all of IPv4 or of IPv6, in one piece or in several."""
    four = [net for net in networks if isinstance(net, ipaddress.IPv4Network)]
    six = [net for net in networks if isinstance(net, ipaddress.IPv6Network)]
    joined: list[IpNetwork] = [
        *ipaddress.collapse_addresses(four),
        *ipaddress.collapse_addresses(six),
    ]
    return any(network.prefixlen == 0 for network in joined)
