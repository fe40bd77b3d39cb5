# SPDX-License-Identifier: MIT
"""``vacation`` (RFC 5230) and its ``:seconds`` (RFC 6131)."""

from __future__ import annotations

import hashlib
import re

from homemail.sieve.action import Vacation
from homemail.sieve.compiler import Compiler
from homemail.sieve.core.actions import acting, parse_address
from homemail.sieve.diagnostic import Wrong
from homemail.sieve.extension import CommandSpec, Extension, TagSpec, Text
from homemail.sieve.interpret import Run, RunError, Step
from homemail.sieve.syntax import Kind, String
from homemail.sieve.validate import Bound

_DAY = 86_400
_DEFAULT_DAYS = 7
_MIME_HEADER = re.compile(
    r"(?:(?:content-[!-9;-~]+|mime-version)[ \t]*:[^\r\n]*(?:\r\n[ \t][^\r\n]*)*\r\n)*(?:\r\n|\Z)",
    re.IGNORECASE,
)


def _seconds(bound: Bound) -> int | None:
    if number := bound.tag_number("seconds"):
        return number.value
    if number := bound.tag_number("days"):
        return number.value * _DAY
    return None


def _sender(text: str) -> str:
    parse_address(text)
    return text.strip()


def _check_mime(text: str) -> None:
    """Refuse a MIME entity whose header has fields that are not about MIME.

    Raises:
        ValueError: as it says; such fields could make the answer another message.
    """
    if _MIME_HEADER.match(text) is None:
        raise ValueError('the reason of ":mime" must begin with Content- fields and an empty line')


def _reason(bound: Bound, compiler: Compiler) -> Text:
    text, at = compiler.text(bound.string(0)), bound.string(0).at
    if "mime" not in bound.tags:
        return text
    if text.constant is not None:
        try:
            _check_mime(text.constant)
        except ValueError as error:
            raise Wrong(at, str(error)) from None
        return text

    def checked(run: Run) -> str:
        reason = text.of(run)
        try:
            _check_mime(reason)
        except ValueError as error:
            raise RunError(at, str(error)) from None
        return reason

    return Text(None, checked)


def _handle(bound: Bound) -> str:
    """Return what tells this answer from others: the script's words, without its variables.

    Source: RFC 5230 §4.2.
    """
    if handle := bound.tag_string("handle"):
        return handle.value
    strings = (bound.tag_string("subject"), bound.tag_string("from"), bound.string(0))
    words = [string.value if string else "" for string in strings]
    words.append(str("mime" in bound.tags))
    return "#" + hashlib.sha256("\0".join(words).encode("utf-8", "replace")).hexdigest()


def _optional(string: String | None, compiler: Compiler) -> Text | None:
    return compiler.text(string) if string else None


def _vacation(bound: Bound, compiler: Compiler) -> Step:
    wanted = _seconds(bound)
    reason = _reason(bound, compiler)
    subject = _optional(bound.tag_string("subject"), compiler)
    handle = _handle(bound)
    sender = bound.tag_string("from")
    header_from = compiler.parsed(sender, _sender) if sender else None
    addresses = bound.tag_strings("addresses")
    own = compiler.texts(addresses) if addresses else None

    def make(run: Run) -> Vacation:
        shortest, longest = run.limits.vacation_seconds
        default = _DEFAULT_DAYS * _DAY
        return Vacation(
            reason=reason.of(run),
            seconds=min(max(default if wanted is None else wanted, shortest), longest),
            subject=subject.of(run) if subject else None,
            header_from=header_from(run) if header_from else None,
            addresses=own.of(run) if own else (),
            mime="mime" in bound.tags,
            handle=handle,
        )

    return acting(bound, compiler, make)


_PERIOD = "time between answers"

VACATION = Extension(
    name="vacation",
    commands={
        "vacation": CommandSpec(
            (Kind.STRING,),
            tags={
                "days": TagSpec(Kind.NUMBER, group=_PERIOD),
                "subject": TagSpec(Kind.STRING),
                "from": TagSpec(Kind.STRING),
                "addresses": TagSpec(Kind.STRINGS),
                "mime": TagSpec(),
                "handle": TagSpec(Kind.STRING),
            },
            build=_vacation,
        )
    },
)
VACATION_SECONDS = Extension(
    name="vacation-seconds",
    commands=VACATION.commands,
    tags={"vacation": {"seconds": TagSpec(Kind.NUMBER, group=_PERIOD)}},
)
