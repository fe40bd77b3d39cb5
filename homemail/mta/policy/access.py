# SPDX-License-Identifier: MIT
"""Access tables (Postfix's access(5)): the client, HELO, the sender or the recipient is looked up.

Keys are tried from the most special to the most general: a whole address, its domain and those
above it, ``user@``; a host's name and the domains above it, its address and the networks that its
first octets name (with or without the dot behind). Tables of patterns and networks see the whole
key alone.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace

from homemail.errors import ConfigError, MailError
from homemail.log import Log
from homemail.lookup.api import Table
from homemail.model.address import Address
from homemail.mta.api import Accept, Defer, Hold, NoOpinion, Reject
from homemail.mta.effect import Bcc, Discard, Effect, Filter, Prepend, Redirect
from homemail.mta.policy.check import (
    Also,
    Ask,
    CheckWithArgument,
    Decision,
    DeferIf,
    Further,
    Reading,
    SmtpContext,
    Stage,
    refuse,
    rejected,
)
from homemail.mta.policy.client_host import UNKNOWN
from homemail.resolve import DnsUnavailable

TABLE = "a table such as hash:/etc/homemail/access"
_CODE = re.compile(r"([45]\d\d)(?: ([45]\.\d{1,3}\.\d{1,3}))?(?: (.*))?", re.DOTALL)
_STATUS = re.compile(r"([45]\.\d{1,3}\.\d{1,3})\s+")
_WORD = re.compile(r"(\S+)\s*(.*)", re.DOTALL)
_MISCONFIGURED = "Server configuration error"

_log = Log("policy")

_Keys = Callable[[SmtpContext, bool], AsyncIterator[str]]
"""Yields the keys to look up; the switch says whether parts of an address are keys, too."""


def act(value: str, context: SmtpContext, reading: Reading, source: str) -> Decision:
    """Return what a table or a policy service wants, in the words of ``context.stage``."""
    found = _WORD.match(value.strip())
    if found is None:
        return _misconfigured(context, source, "an empty value")
    word, text = found[1].upper(), found[2].strip()
    settings = context.facilities.settings
    match word:
        case "OK":
            return Accept()
        case "DUNNO":
            return NoOpinion()
        case "REJECT":
            return _refusal(context, settings.access_map_reject_code, text or "Access denied")
        case "DEFER":
            return _refusal(context, settings.access_map_defer_code, text or "Access denied")
        case "DEFER_IF_PERMIT" | "DEFER_IF_REJECT":
            later = _refusal(context, 450, text or "Service unavailable")
            return DeferIf(later.reply, rejects=word == "DEFER_IF_REJECT")
        case "WARN" | "INFO":
            _log.warning(word.lower(), table=source, client=context.peer, text=text)
            return NoOpinion()
    if word.isdecimal():
        return _numbered(value.strip(), context)
    effect = _effect(word, text)
    if isinstance(effect, str):
        return _misconfigured(context, source, effect)
    if effect is not None:
        return Also(effect, permits=isinstance(effect, Discard))
    try:
        return Further(reading.read(value if not word.isupper() else value.lower()))
    except ConfigError as error:
        return _misconfigured(context, source, error.text)


def _refusal(context: SmtpContext, code: int, text: str) -> Reject | Defer:
    """Return the refusal with ``text``, which may begin with an enhanced status."""
    found = _STATUS.match(text)
    status = found[1] if found else f"{code // 100}.7.1"
    return rejected(context, code, status, text[found.end() :] if found else text)


def _numbered(value: str, context: SmtpContext) -> Decision:
    found = _CODE.fullmatch(value)
    if found is None:  # all numbers mean OK, as when relays were written down by programs
        return Accept()
    code, status, text = (
        int(found[1]),
        found[2] or f"{found[1][0]}.7.1",
        found[3] or "Access denied",
    )
    if code in (421, 521):
        return refuse(code, status, text)
    return rejected(context, code, status, text)


def _effect(word: str, text: str) -> Effect | str | None:
    """Return what to do beside, or what is wrong with it, or None where it is no such word."""
    match word:
        case "DISCARD":
            return Discard(text or "by an access table")
        case "HOLD":
            return Hold(text or "by an access table")
        case "PREPEND":
            valid = re.fullmatch(r"[!-9;-~]+:[ -~\t\x80-\U0010ffff]*", text)
            return Prepend(text) if valid else f"PREPEND needs a header field, got {text!r}"
        case "FILTER":
            return Filter(text) if ":" in text else "FILTER needs transport:destination"
        case "REDIRECT" | "BCC":
            try:
                to = Address.parse(text.strip("<>"))
            except ValueError:
                return f"{word} needs an address, got {text!r}"
            return Redirect(to) if word == "REDIRECT" else Bcc(to)
    return None


def _misconfigured(context: SmtpContext, source: str, trouble: str) -> Decision:
    _log.error("a table's value cannot be used", table=source, trouble=trouble)
    return rejected(context, 451, "4.3.5", _MISCONFIGURED)


async def _client_keys(context: SmtpContext, parts: bool) -> AsyncIterator[str]:
    name = (await context.host.names()).verified
    for key in _host_keys(name, context.peer.host, parts):
        yield key


async def _reverse_client_keys(context: SmtpContext, parts: bool) -> AsyncIterator[str]:
    name = (await context.host.names()).reverse
    for key in _name_keys(name, parts):
        yield key


def _host_keys(name: str, address: str, parts: bool) -> Iterator[str]:
    if name != UNKNOWN:
        yield from _name_keys(name, parts)
    yield from _address_keys(address.partition("%")[0].removeprefix("::ffff:"), parts)


def _name_keys(name: str, parts: bool) -> Iterator[str]:
    """Yield a name and, with ``parts``, the domains above it."""
    name = name.lower()
    yield name
    while parts and "." in name.strip("."):
        name = name.partition(".")[2]
        yield name
        yield f".{name}"


def _address_keys(address: str, parts: bool) -> Iterator[str]:
    yield address
    separator = ":" if ":" in address else "."
    while parts and separator in address:
        address = address.rpartition(separator)[0]
        yield address
        yield address + separator


async def _helo_keys(context: SmtpContext, parts: bool) -> AsyncIterator[str]:
    literal = context.helo.startswith("[")
    keys = _address_keys if literal else _name_keys
    for key in keys(context.helo.strip("[]"), parts):
        yield key


async def _sender_keys(context: SmtpContext, parts: bool) -> AsyncIterator[str]:
    if context.reverse_path is None:
        yield context.facilities.settings.smtpd_null_access_lookup_key
        return
    for key in _mail_keys(context.reverse_path, parts):
        yield key


async def _recipient_keys(context: SmtpContext, parts: bool) -> AsyncIterator[str]:
    if context.forward_path is not None:
        for key in _mail_keys(context.forward_path, parts):
            yield key


def _mail_keys(address: Address, parts: bool) -> Iterator[str]:
    local_part, domain = address.local_part.casefold(), address.domain.name
    yield f"{local_part}@{domain}"
    if not parts:
        return
    bare = local_part.partition("+")[0]
    if bare and bare != local_part:
        yield f"{bare}@{domain}"
    yield from _name_keys(domain, parts)
    yield f"{local_part}@"
    if bare and bare != local_part:
        yield f"{bare}@"


async def _sasl_keys(context: SmtpContext, _: bool) -> AsyncIterator[str]:
    if context.submitter is not None:
        yield context.submitter


def _of(stage: Stage, keys: _Keys) -> Callable[[str, Reading], Ask]:
    def build(source: str, reading: Reading) -> Ask:
        table = reading.open_table(source)
        parts = not table.is_pattern

        async def check(context: SmtpContext) -> Decision:
            value = await _first(table, keys(context, parts))
            if value is None:
                return NoOpinion()
            return act(value, replace(context, stage=stage), reading, source)

        return check

    return build


async def _first(table: Table, keys: AsyncIterator[str]) -> str | None:
    async for key in keys:
        value = await table.lookup(key)
        if value is not None:
            return value
    return None


def _by_exchangers(domain: Callable[[SmtpContext], str]) -> _Keys:
    """Return the keys that are the names and addresses of the mail exchangers of a domain."""

    async def keys(context: SmtpContext, parts: bool) -> AsyncIterator[str]:
        name, resolver = domain(context), context.facilities.resolver
        try:
            exchangers = await resolver.mx(name) if name else ()
        except DnsUnavailable:
            raise
        except MailError:
            return
        for host in [one.host for one in sorted(exchangers)] or ([name] if name else []):
            async for key in _host_and_addresses(context, host, parts):
                yield key

    return keys


def _by_addresses(domain: Callable[[SmtpContext], str]) -> _Keys:
    """Return the keys that are a domain and its own addresses."""

    async def keys(context: SmtpContext, parts: bool) -> AsyncIterator[str]:
        if name := domain(context):
            async for key in _host_and_addresses(context, name, parts):
                yield key

    return keys


async def _host_and_addresses(context: SmtpContext, host: str, parts: bool) -> AsyncIterator[str]:
    for key in _name_keys(host, parts):
        yield key
    try:
        addresses = await context.facilities.resolver.addresses(host)
    except DnsUnavailable:
        raise
    except MailError:
        return
    for address in addresses:
        for key in _address_keys(address, parts):
            yield key


def _helo_name(context: SmtpContext) -> str:
    return "" if context.helo.startswith("[") else context.helo.strip(".").lower()


def _sender_domain(context: SmtpContext) -> str:
    return _domain(context.reverse_path)


def _recipient_domain(context: SmtpContext) -> str:
    return _domain(context.forward_path)


def _domain(path: Address | None) -> str:
    return "" if path is None or path.domain.is_literal else path.domain.name


_DERIVED = (
    ("helo", Stage.HELO, _helo_name),
    ("sender", Stage.SENDER, _sender_domain),
    ("recipient", Stage.RECIPIENT, _recipient_domain),
)

CHECKS = (
    CheckWithArgument("check_client_access", TABLE, _of(Stage.CLIENT, _client_keys)),
    CheckWithArgument(
        "check_reverse_client_hostname_access", TABLE, _of(Stage.CLIENT, _reverse_client_keys)
    ),
    CheckWithArgument("check_helo_access", TABLE, _of(Stage.HELO, _helo_keys)),
    CheckWithArgument("check_sender_access", TABLE, _of(Stage.SENDER, _sender_keys)),
    CheckWithArgument("check_recipient_access", TABLE, _of(Stage.RECIPIENT, _recipient_keys)),
    CheckWithArgument("check_sasl_access", TABLE, _of(Stage.CLIENT, _sasl_keys)),
    *(
        CheckWithArgument(f"check_{what}_mx_access", TABLE, _of(stage, _by_exchangers(domain)))
        for what, stage, domain in _DERIVED
    ),
    *(
        CheckWithArgument(f"check_{what}_a_access", TABLE, _of(stage, _by_addresses(domain)))
        for what, stage, domain in _DERIVED
    ),
)
