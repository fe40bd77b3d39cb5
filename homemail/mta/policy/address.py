# SPDX-License-Identifier: MIT
"""Checks on the addresses in MAIL and RCPT: whole domains, domains that exist, whose they are."""

from __future__ import annotations

from collections.abc import Callable

from homemail.errors import MailError
from homemail.model.address import Address
from homemail.mta.api import Defer, NoOpinion, Reject
from homemail.mta.policy.check import (
    Check,
    Decision,
    SmtpContext,
    later,
    of_recipient,
    of_sender,
    rejected,
)
from homemail.mta.route import POSTMASTER
from homemail.resolve import DnsUnavailable

_Words = Callable[[SmtpContext, int, str, str], Reject | Defer]


async def _reject_non_fqdn_sender(context: SmtpContext) -> Decision:
    return _decide_whole(context, context.reverse_path, of_sender)


async def _reject_non_fqdn_recipient(context: SmtpContext) -> Decision:
    path = context.forward_path
    if path is not None and path.local_part.casefold() == POSTMASTER:
        return NoOpinion()
    return _decide_whole(context, path, of_recipient)


def _decide_whole(context: SmtpContext, path: Address | None, words: _Words) -> Decision:
    if path is None or path.domain.is_literal or "." in path.domain.name:
        return NoOpinion()
    code = context.facilities.settings.non_fqdn_reject_code
    return words(context, code, "5.5.2", "need fully-qualified address")


async def _reject_unknown_sender_domain(context: SmtpContext) -> Decision:
    return await _decide_known(context, context.reverse_path, of_sender, "4.1.8")


async def _reject_unknown_recipient_domain(context: SmtpContext) -> Decision:
    return await _decide_known(context, context.forward_path, of_recipient, "4.1.2")


async def _decide_known(
    context: SmtpContext, path: Address | None, words: _Words, status: str
) -> Decision:
    """Refuse a domain that has neither mail exchanger nor address; ours need not be in DNS."""
    facilities = context.facilities
    if path is None or path.domain.is_literal or facilities.destinations.is_local(path.domain):
        return NoOpinion()
    code = facilities.settings.unknown_address_reject_code
    unknown = words(context, code, status, "Domain not found")
    name = path.domain.name
    try:
        exchangers = await facilities.resolver.mx(name)
        if exchangers and all(one.host == "" for one in exchangers):
            return _takes_no_mail(context, words, name)
        found = exchangers or await facilities.resolver.addresses(name)
    except DnsUnavailable:
        return later(unknown)
    except MailError:
        return unknown
    return NoOpinion() if found else unknown


def _takes_no_mail(context: SmtpContext, words: _Words, name: str) -> Reject | Defer:
    """Return the refusal of a domain with a null MX.

    Source: RFC 7505 §4.
    """
    text = f"Domain {name} does not accept mail (nullMX)"
    if words is of_sender:
        return words(context, 550, "5.7.27", text)
    return words(context, 556, "5.1.10", text)


async def _reject_sender_login_mismatch(context: SmtpContext) -> Decision:
    """Refuse an account's address to others, and others' addresses to whoever is logged in."""
    if context.submitter is None:
        return await _reject_unauthenticated_sender_login_mismatch(context)
    return await _reject_authenticated_sender_login_mismatch(context)


async def _reject_authenticated_sender_login_mismatch(context: SmtpContext) -> Decision:
    path = context.reverse_path
    if context.submitter is None or path is None:
        return NoOpinion()
    owner = await context.facilities.destinations.owner(path)
    if owner is not None and owner.id == context.submitter:
        return NoOpinion()
    return of_sender(context, 553, "5.7.1", f"not owned by user {context.submitter}")


async def _reject_unauthenticated_sender_login_mismatch(context: SmtpContext) -> Decision:
    path = context.reverse_path
    if context.submitter is not None or path is None:
        return NoOpinion()
    if await context.facilities.destinations.owner(path) is None:
        return NoOpinion()
    return of_sender(context, 553, "5.7.1", "not logged in")


async def _reject_multi_recipient_bounce(context: SmtpContext) -> Decision:
    """Refuse a notification for several: real ones have one recipient."""
    if context.reverse_path is not None or context.recipient_count < 2:
        return NoOpinion()
    code = context.facilities.settings.multi_recipient_bounce_reject_code
    return rejected(context, code, "5.5.3", "Multi-recipient bounce")


CHECKS = (
    Check("reject_non_fqdn_sender", _reject_non_fqdn_sender),
    Check("reject_non_fqdn_recipient", _reject_non_fqdn_recipient),
    Check("reject_unknown_sender_domain", _reject_unknown_sender_domain),
    Check("reject_unknown_recipient_domain", _reject_unknown_recipient_domain),
    Check("reject_sender_login_mismatch", _reject_sender_login_mismatch),
    Check(
        "reject_authenticated_sender_login_mismatch", _reject_authenticated_sender_login_mismatch
    ),
    Check(
        "reject_unauthenticated_sender_login_mismatch",
        _reject_unauthenticated_sender_login_mismatch,
    ),
    Check("reject_multi_recipient_bounce", _reject_multi_recipient_bounce),
)
