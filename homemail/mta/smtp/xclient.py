# SPDX-License-Identifier: MIT
"""XCLIENT: what a trusted client says of the one that it speaks for (Postfix's XCLIENT_README)."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass

from homemail.model.reply import Reply

ATTRIBUTES = ("NAME", "ADDR", "PORT", "PROTO", "HELO", "LOGIN", "REVERSE_NAME")
_IGNORED = frozenset({"DESTADDR", "DESTPORT"})
_XTEXT = re.compile(r"\+([0-9A-Fa-f]{2})")
_UNAVAILABLE = ("[UNAVAILABLE]", "[TEMPUNAVAIL]")
_PLAIN = re.compile(r"[^\x00-\x20<>()\\\";,\x7f]{0,255}")


@dataclass(frozen=True, slots=True)
class Xclient:
    """What was said; None: nothing, the empty text: that it is not known."""

    name: str | None = None
    reverse_name: str | None = None
    address: str | None = None
    port: int | None = None
    helo: str | None = None
    login: str | None = None
    extended: bool | None = None


def parse_xclient(argument: str) -> Xclient | Reply:
    """Return what XCLIENT says, or the reply that refuses it."""
    values: dict[str, str] = {}
    for word in argument.split():
        name, equals, value = word.partition("=")
        name = name.upper()
        if not equals or name not in (*ATTRIBUTES, *_IGNORED):
            return Reply(501, "5.5.4", "Bad command syntax: XCLIENT attribute=value...")
        text = _XTEXT.sub(lambda found: chr(int(found[1], 16)), value)
        values[name] = "" if text.upper() in _UNAVAILABLE else text
        if not _PLAIN.fullmatch(values[name]):
            return Reply(501, "5.5.4", f"Bad {name} syntax")
    if not values:
        return Reply(501, "5.5.4", "Bad command syntax: XCLIENT attribute=value...")
    try:
        return Xclient(
            values.get("NAME"),
            values.get("REVERSE_NAME"),
            _address(values.get("ADDR")),
            _port(values.get("PORT")),
            values.get("HELO"),
            values.get("LOGIN"),
            _extended(values.get("PROTO")),
        )
    except ValueError as error:
        return Reply(501, "5.5.4", f"Bad {error} syntax")


def _address(text: str | None) -> str | None:
    if not text:
        return text
    try:
        return str(ipaddress.ip_address(re.sub(r"(?i)^ipv6:", "", text)))
    except ValueError:
        raise ValueError("ADDR") from None


def _port(text: str | None) -> int | None:
    if text is None:
        return None
    if text == "":
        return 0
    if not text.isdecimal() or int(text) > 65535:
        raise ValueError("PORT")
    return int(text)


def _extended(text: str | None) -> bool | None:
    if not text:
        return None
    if text.upper() not in ("SMTP", "ESMTP"):
        raise ValueError("PROTO")
    return text.upper() == "ESMTP"
