# SPDX-License-Identifier: MIT
"""The restriction lists: read once, asked in order at RCPT, first decision wins in each list.

Settings that would relay for everybody are refused when the lists are read: a stranger's mail to
elsewhere must meet a check that refuses it in ``smtpd_relay_restrictions`` or in
``smtpd_recipient_restrictions``, and ``mynetworks`` must not be the whole Internet.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import assert_never

from homemail.config.declare import IpNetwork
from homemail.config.smtp import SmtpSettings
from homemail.config.spelling import nearest
from homemail.errors import ConfigError, MailError
from homemail.log import Log
from homemail.lookup import open_table
from homemail.lookup.api import Table
from homemail.mta.api import Accept, Defer, NoOpinion, Reject
from homemail.mta.effect import Effect
from homemail.mta.policy import CHECKS
from homemail.mta.policy.check import (
    Also,
    Ask,
    Check,
    CheckWithArgument,
    Decision,
    DeferIf,
    ForStrangers,
    Further,
    Reading,
    SmtpContext,
    Stage,
    rejected,
)

_BY_NAME = {check.name: check for check in CHECKS}
_WARN = "warn_if_reject"
_MOST_NESTED = 100
_FORGEABLE = ("check_helo_", "check_sender_")
_SEPARATORS = re.compile(r"[\s,]+")

AT_RCPT = (
    ("smtpd_client_restrictions", Stage.CLIENT),
    ("smtpd_helo_restrictions", Stage.HELO),
    ("smtpd_sender_restrictions", Stage.SENDER),
    ("smtpd_relay_restrictions", Stage.RECIPIENT),
    ("smtpd_recipient_restrictions", Stage.RECIPIENT),
)
AT_SUBMISSION = (("submission_recipient_restrictions", Stage.RECIPIENT),)
AT_DATA = (("smtpd_data_restrictions", Stage.DATA),)
AT_END_OF_DATA = (("smtpd_end_of_data_restrictions", Stage.END_OF_DATA),)

_log = Log("policy")


@dataclass(frozen=True, slots=True)
class Refusal:
    """The decision against a recipient, and the name of the check that took it."""

    decision: Reject | Defer
    check: str


@dataclass(frozen=True, slots=True)
class Ruling:
    """What the lists came to: a refusal, or what to do beside accepting."""

    refusal: Refusal | None
    effects: tuple[Effect, ...] = ()


_List = tuple[Stage, tuple[Check, ...]]


class Restrictions:
    """The checks of every list, in order."""

    def __init__(
        self,
        settings: SmtpSettings,
        mynetworks: Sequence[IpNetwork],
        open_table: Callable[[str], Table] = open_table,
    ) -> None:
        """Read the lists.

        Raises:
            ConfigError: an unknown check, or settings that make an open relay.
        """
        self.mynetworks = tuple(mynetworks)
        self._reading = Reading(open_table, self._read_value)
        self._at_rcpt = self._read_lists(settings, AT_RCPT)
        self._at_submission = self._read_lists(settings, AT_SUBMISSION)
        self._at_data = self._read_lists(settings, AT_DATA)
        self._at_end_of_data = self._read_lists(settings, AT_END_OF_DATA)
        relay, recipient = (self._read("", getattr(settings, name)) for name, _ in AT_RCPT[-2:])
        _refuse_open_relay(relay, recipient, self.mynetworks)
        for check in relay:
            if check.name.startswith(_FORGEABLE):
                # What the client says itself decides: whoever knows the table may send anywhere.
                _log.warning("a permission by this check lets others relay", check=check.name)

    @property
    def asks_at_data(self) -> bool:
        """Whether any check waits for DATA."""
        return bool(self._at_data)

    @property
    def asks_at_end_of_data(self) -> bool:
        """Whether any check waits for the content."""
        return bool(self._at_end_of_data)

    async def at_rcpt(self, context: SmtpContext) -> Ruling:
        """Return what the lists say of a recipient at port 25."""
        return await _Asking(context).ask_all(self._at_rcpt)

    async def at_submission(self, context: SmtpContext) -> Ruling:
        """Return what the list of the submission ports says of a recipient."""
        return await _Asking(context).ask_all(self._at_submission)

    async def at_data(self, context: SmtpContext) -> Ruling:
        """Return what the list says before the content comes."""
        return await _Asking(context).ask_all(self._at_data)

    async def at_end_of_data(self, context: SmtpContext) -> Ruling:
        """Return what the list says when the content is there."""
        return await _Asking(context).ask_all(self._at_end_of_data)

    def _read_lists(
        self, settings: SmtpSettings, lists: tuple[tuple[str, Stage], ...]
    ) -> tuple[_List, ...]:
        read = ((stage, self._read(name, getattr(settings, name))) for name, stage in lists)
        return tuple((stage, checks) for stage, checks in read if checks)

    def _read_value(self, text: str) -> tuple[Check, ...]:
        return self._read("", (text,))

    def _read(self, parameter: str, items: Sequence[str]) -> tuple[Check, ...]:
        """Return the checks that ``items`` name; an argument may be in an item of its own."""
        words = [word for item in items for word in _SEPARATORS.split(item) if word]
        checks: list[Check] = []
        warns = False
        at = 0
        while at < len(words):
            word = words[at]
            at += 1
            if word == _WARN:
                warns = True
                continue
            known = _BY_NAME.get(word)
            if known is None:
                hint = nearest(word, [*_BY_NAME, _WARN])
                raise ConfigError(f'unknown check "{word}"{hint}', parameter=parameter)
            if isinstance(known, CheckWithArgument):
                argument = words[at] if at < len(words) else ""
                at += 1
                known = self._build(known, argument, parameter)
            checks.append(_warning(known) if warns else known)
            warns = False
        return tuple(checks)

    def _build(self, check: CheckWithArgument, argument: str, parameter: str) -> Check:
        name = f"{check.name} {argument}".strip()
        if not argument or argument in _BY_NAME:
            raise ConfigError(f"{check.name} needs {check.argument}", parameter=parameter)
        try:
            return Check(name, check.build(argument, self._reading))
        except ValueError as error:
            raise ConfigError(f"{name}: {error}", parameter=parameter) from None


class _Asking:
    """One go through some lists."""

    def __init__(self, context: SmtpContext) -> None:
        self._context = context
        self._effects: list[Effect] = []
        self._if_permitted: Refusal | None = None
        self._if_rejected: Refusal | None = None
        self._asked = 0

    async def ask_all(self, lists: Sequence[_List]) -> Ruling:
        for stage, checks in lists:
            context = self._context
            if context.stage is not stage:
                context = replace(context, stage=stage)
            done = await self._ask(checks, context)
            if isinstance(done, Refusal):
                return Ruling(self._softened(done))
        return Ruling(self._if_permitted, tuple(self._effects))

    async def _ask(self, checks: Sequence[Check], context: SmtpContext) -> Refusal | bool:
        """Return the refusal, or whether a check permits."""
        for check in checks:
            self._asked += 1
            decision = await _decide(check, context)
            match decision:
                case Accept():
                    return True
                case Reject() | Defer():
                    return Refusal(decision, check.name)
                case DeferIf(reply, rejects):
                    self._note(Refusal(Defer(reply), check.name), rejects=rejects)
                case Also(effect, permits):
                    self._effects.append(effect)
                    if permits:
                        return True
                case Further(more):
                    if self._asked > _MOST_NESTED:
                        _log.error("lists that call one another without end", check=check.name)
                        return Refusal(_misconfigured(context), check.name)
                    done = await self._ask(more, context)
                    if done:
                        return done
                case NoOpinion():
                    continue
                case _:
                    assert_never(decision)
        return False

    def _note(self, refusal: Refusal, *, rejects: bool) -> None:
        if rejects:
            self._if_rejected = self._if_rejected or refusal
        else:
            self._if_permitted = self._if_permitted or refusal

    def _softened(self, refusal: Refusal) -> Refusal:
        """Return ``refusal``, or what a check wanted said where the others reject."""
        if isinstance(refusal.decision, Reject) and self._if_rejected is not None:
            return self._if_rejected
        return refusal


async def _decide(check: Check, context: SmtpContext) -> Decision:
    try:
        return await check.check(context)
    except MailError as error:
        # What cannot be looked up now may be permitted later: never a 5xx.
        _log.error("a check cannot be made", check=check.name, error=error, cause=error.__cause__)
        return rejected(context, 451, "4.3.0", "Temporary lookup failure")


def _misconfigured(context: SmtpContext) -> Reject | Defer:
    return rejected(context, 451, "4.3.5", "Server configuration error")


def _warning(check: Check) -> Check:
    """Return ``check`` as it is behind ``warn_if_reject``: it tells the log and refuses nobody."""
    return Check(f"{_WARN} {check.name}", _only_warns(check))


def _only_warns(check: Check) -> Ask:
    async def ask(context: SmtpContext) -> Decision:
        decision = await _decide(check, context)
        if not isinstance(decision, Reject | Defer | DeferIf):
            return decision
        _log.warning(
            "reject_warning",
            check=check.name,
            client=context.peer,
            sender=context.reverse_path or "<>",
            recipient=context.forward_path,
            helo=context.helo,
            reply=decision.reply,
        )
        return NoOpinion()

    return ask


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
