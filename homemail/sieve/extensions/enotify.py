# SPDX-License-Identifier: MIT
"""``notify`` and what asks about it (RFC 5435); the one method is ``mailto:`` (RFC 5436)."""

from __future__ import annotations

import re
from urllib.parse import unquote

from homemail.model.address import Address
from homemail.sieve.action import Notification
from homemail.sieve.compiler import Compiler
from homemail.sieve.core.actions import acting, parse_address
from homemail.sieve.extension import CommandSpec, Extension, TagSpec, TestSpec
from homemail.sieve.extensions.variables import ENCODE_URL
from homemail.sieve.interpret import Predicate, Run, Step
from homemail.sieve.syntax import Kind
from homemail.sieve.validate import Bound

_FIELD = re.compile(r"[!-9;-~]+")
_NOT_FROM_URI = frozenset(
    {
        *("from", "sender", "date", "message-id", "received", "return-path", "auto-submitted"),
        *("mime-version", "content-type", "content-transfer-encoding", "bcc", "resent-bcc"),
        *("delivered-to", "in-reply-to", "references", "apparently-to", "reply-to"),
    }
)
"""Fields that a URI may not set (RFC 5436 §2.4 and what would make it another message)."""

_MOST_FIELDS = 20


def parse_mailto(text: str) -> tuple[tuple[Address, ...], tuple[tuple[str, str], ...]]:
    """Return the addresses and fields of a ``mailto:`` URI (RFC 6068).

    Raises:
        ValueError: with what is wrong with it.
    """
    scheme, colon, rest = text.partition(":")
    if scheme.lower() != "mailto" or not colon:
        raise ValueError(f'"{text[:60]}" is not a method such as "mailto:alice@example.org"')
    path, _, query = rest.partition("?")
    to = [unquote(part) for part in path.split(",") if part]
    fields: list[tuple[str, str]] = []
    for pair in query.split("&") if query else ():
        name, equals, value = pair.partition("=")
        name, value = unquote(name).lower(), unquote(value).replace("\r\n", "\n")
        if not equals or not _FIELD.fullmatch(name):
            raise ValueError(f'"{pair[:60]}" is no field of a mailto: URI')
        if name in ("to", "cc"):
            to += [part.strip() for part in value.split(",") if part.strip()]
        elif name not in _NOT_FROM_URI and len(fields) < _MOST_FIELDS:
            fields.append((name, value))
    if not to:
        raise ValueError("a mailto: URI without an address")
    return tuple(parse_address(address) for address in to), tuple(fields)


def _importance(text: str) -> int:
    if text not in ("1", "2", "3"):
        raise ValueError('the importance is "1" (high), "2" or "3" (low)')
    return int(text)


def _sender(text: str) -> str:
    parse_address(text)
    return text.strip()


def _notify(bound: Bound, compiler: Compiler) -> Step:
    method = compiler.parsed(bound.string(0), parse_mailto)
    given = {name: bound.tag_string(name) for name in ("from", "importance", "message")}
    sender = compiler.parsed(given["from"], _sender) if given["from"] else None
    importance = compiler.parsed(given["importance"], _importance) if given["importance"] else None
    message = compiler.text(given["message"]) if given["message"] else None

    def make(run: Run) -> Notification:
        to, fields = method(run)
        return Notification(
            to,
            message.of(run) if message else "",
            sender(run) if sender else None,
            importance(run) if importance else 2,
            fields,
        )

    return acting(bound, compiler, make)


def _valid(bound: Bound, compiler: Compiler) -> Predicate:
    methods = compiler.texts(bound.strings(0))

    def valid(run: Run) -> bool:
        return all(_is_valid(text) for text in methods.of(run))

    return valid


def _is_valid(text: str) -> bool:
    try:
        parse_mailto(text)
    except ValueError:
        return False
    return True


def _capability(bound: Bound, compiler: Compiler) -> Predicate:
    method, name = compiler.text(bound.string(0)), compiler.text(bound.string(1))
    matcher = compiler.matcher(bound, bound.strings(2))

    def capability(run: Run) -> bool:
        # Whether somebody reads mail now is not known (RFC 5436 §2.2).
        known = _is_valid(method.of(run)) and name.of(run).lower() == "online"
        return known and matcher(run, ["maybe"])

    return capability


ENOTIFY = Extension(
    name="enotify",
    commands={
        "notify": CommandSpec(
            (Kind.STRING,),
            tags={
                "from": TagSpec(Kind.STRING),
                "importance": TagSpec(Kind.STRING),
                "options": TagSpec(Kind.STRINGS),
                "message": TagSpec(Kind.STRING),
            },
            build=_notify,
        )
    },
    tests={
        "valid_notify_method": TestSpec((Kind.STRINGS,), build=_valid),
        "notify_method_capability": TestSpec(
            (Kind.STRING, Kind.STRING, Kind.STRINGS), matches=True, build=_capability
        ),
    },
    tags={"set": ENCODE_URL},
)
