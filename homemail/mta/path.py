# SPDX-License-Identifier: MIT
"""The arguments of MAIL and RCPT: a path and ESMTP parameters (RFC 5321 §4.1.2, §4.1.1.11).

What cannot be read is a ``Reply``, not an exception: a wrong argument is ordinary input. Taken
beside the grammar, because clients send it: a space after the colon, a path without ``<>``, an
address without a domain (RFC 5321 §2.3.5 wants that for ``postmaster``; the others get
``myorigin``). ``mta.addresses.complete`` makes them whole.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from homemail.model.address import Address, ReversePath
from homemail.model.envelope import Body, Notify, OriginalRecipient, Recipient, Ret
from homemail.model.reply import Reply
from homemail.mta.addresses.complete import Defaults, complete

PATH_LIMIT = 1024
"""Octets in a path; RFC 5321 §4.5.3.1.3 wants 256, internationalized ones are longer."""
PARAMETER_LIMIT = 20
"""Parameters of one command; there are eight that anybody sends."""

_PATH = re.compile(
    r'[ ]*(?:<(?P<path>(?:[^<>"\\\s]++|"(?:[^"\\]|\\.)*+"|\\.)*+)>|(?P<bare>[^<>"\s]++))'
    r"(?P<rest>[ ].*)?"
)
_PARAMETER = re.compile(r"([A-Za-z0-9][A-Za-z0-9-]*)(?:=([!-<>-~\u0080-\U0010ffff]++))?")
# Not possessive: Python before 3.11.5 forgets to go back where a repeated group fails half-way.
_XTEXT = re.compile(r"(?:[!-*,-<>-~]|\+[0-9A-F]{2})*")
_ADDRESS_TYPE = re.compile(r"[A-Za-z0-9-]{1,40}")
_UTF8_ESCAPE = re.compile(r"\\x\{([0-9A-F]{2,6})\}")
_NOTIFY = {"SUCCESS": Notify.SUCCESS, "FAILURE": Notify.FAILURE, "DELAY": Notify.DELAY}

_BAD_SENDER = Reply(501, "5.1.7", "Bad sender address syntax")
_BAD_RECIPIENT = Reply(501, "5.1.3", "Bad recipient address syntax")


@dataclass(frozen=True, slots=True)
class MailArguments:
    """What MAIL says. ``size`` is 0 where it does not say."""

    reverse_path: ReversePath
    size: int = 0
    body: Body = Body.SEVEN_BIT
    utf8: bool = False
    ret: Ret | None = None
    envelope_id: str | None = None


def parse_mail(argument: str, defaults: Defaults) -> MailArguments | Reply:
    """Return what stands after ``MAIL``, or the reply that refuses it.

    Source: RFC 5321 §4.1.1.2.
    """
    split = _split(argument, "FROM:")
    if split is None:
        return Reply(501, "5.5.4", "Syntax: MAIL FROM:<address>")
    path, parameters = split
    reverse_path: ReversePath = None
    if path is None or len(path) > PATH_LIMIT:
        return _BAD_SENDER
    if path:
        try:
            reverse_path = _address(path, defaults)
        except ValueError:
            return _BAD_SENDER
    return _mail_arguments(reverse_path, parameters)


def parse_rcpt(argument: str, defaults: Defaults, *, utf8: bool = False) -> Recipient | Reply:
    """Return what stands after ``RCPT``, or the reply that refuses it.

    Source: RFC 5321 §4.1.1.3.
    """
    split = _split(argument, "TO:")
    if split is None:
        return Reply(501, "5.5.4", "Syntax: RCPT TO:<address>")
    path, parameters = split
    if not path or len(path) > PATH_LIMIT:
        return _BAD_RECIPIENT
    try:
        forward_path = _address(path, defaults)
    except ValueError:
        return _BAD_RECIPIENT
    if not utf8 and not forward_path.is_ascii:
        return Reply(553, "5.6.7", "The recipient's address needs SMTPUTF8")
    return _recipient(forward_path, parameters)


def _split(argument: str, keyword: str) -> tuple[str | None, str] | None:
    """Return path and parameters behind ``keyword``; None where it is missing."""
    if argument[: len(keyword)].upper() != keyword:
        return None
    match = _PATH.fullmatch(argument, len(keyword))
    if not match:
        return None, ""
    path = match["path"] if match["bare"] is None else match["bare"]
    return path, match["rest"] or ""


@lru_cache(4096)
def _address(path: str, defaults: Defaults) -> Address:
    """Return the address in a path; remembered, as the same ones come again and again."""
    return complete(path, defaults)


def _parameters(text: str) -> dict[str, str | None] | Reply:
    """Return the parameters by upper-case name."""
    found: dict[str, str | None] = {}
    words = text.split()
    if len(words) > PARAMETER_LIMIT:
        return Reply(501, "5.5.4", "Too many parameters")
    for word in words:
        match = _PARAMETER.fullmatch(word)
        if not match:
            return Reply(501, "5.5.4", "Bad parameter syntax")
        name = match[1].upper()
        if name in found:
            return Reply(501, "5.5.4", f"{name} is given twice")
        found[name] = match[2]
    return found


def _mail_arguments(reverse_path: ReversePath, text: str) -> MailArguments | Reply:
    if not text:
        if reverse_path is not None and not reverse_path.is_ascii:
            return Reply(553, "5.6.7", "The sender's address needs SMTPUTF8")
        return MailArguments(reverse_path)
    given = _parameters(text)
    if isinstance(given, Reply):
        return given
    size, body, utf8 = given.pop("SIZE", "0"), given.pop("BODY", "7BIT"), "SMTPUTF8" in given
    ret, envelope_id = given.pop("RET", ""), given.pop("ENVID", "")
    auth = given.pop("AUTH", "<>")
    if size is None or not re.fullmatch(r"[0-9]{1,20}", size):
        return Reply(501, "5.5.4", "Bad message size syntax")
    if body is None or body.upper() not in ("7BIT", "8BITMIME", "BINARYMIME"):
        return Reply(501, "5.5.4", "Unsupported BODY type")
    if given.pop("SMTPUTF8", None) is not None:
        return Reply(501, "5.5.4", "SMTPUTF8 takes no value")
    if ret is None or ret.upper() not in ("", "FULL", "HDRS"):
        return Reply(501, "5.5.4", "Bad RET parameter syntax")
    if envelope_id is None or not _is_envelope_id(envelope_id):
        return Reply(501, "5.5.4", "Bad ENVID parameter syntax")
    if auth is None or not (auth == "<>" or _XTEXT.fullmatch(auth)):
        return Reply(501, "5.5.4", "Bad AUTH parameter syntax")
    if given:
        return Reply(555, "5.5.4", f"Unsupported option: {next(iter(given))}")
    if not utf8 and reverse_path is not None and not reverse_path.is_ascii:
        return Reply(553, "5.6.7", "The sender's address needs SMTPUTF8")
    return MailArguments(
        reverse_path,
        int(size),
        Body(body.upper()),
        utf8,
        Ret(ret.upper()) if ret else None,
        decode_xtext(envelope_id) or None,
    )


def _is_envelope_id(text: str) -> bool:
    """Whether ENVID is xtext of at most 100 printable letters (RFC 3461 §4.4).

    What it stands for goes into a field of a notification, so a line end in it would forge one.
    """
    return len(text) <= 100 and bool(_XTEXT.fullmatch(text)) and decode_xtext(text).isprintable()


def _recipient(forward_path: Address, text: str) -> Recipient | Reply:
    if not text:
        return Recipient(forward_path)
    given = _parameters(text)
    if isinstance(given, Reply):
        return given
    notify: Notify | None = Notify.FAILURE | Notify.DELAY
    if "NOTIFY" in given:
        notify = _notify(given.pop("NOTIFY") or "")
    original = None
    if "ORCPT" in given:
        original = _original(given.pop("ORCPT") or "")
        if original is None:
            return Reply(501, "5.5.4", "Bad ORCPT parameter syntax")
    if notify is None:
        return Reply(501, "5.5.4", "Bad NOTIFY parameter syntax")
    if given:
        return Reply(555, "5.5.4", f"Unsupported option: {next(iter(given))}")
    return Recipient(forward_path, original, notify)


def _notify(text: str) -> Notify | None:
    """Return what NOTIFY asks for; NEVER stands alone.

    Source: RFC 3461 §4.1.
    """
    words = text.upper().split(",")
    if words == ["NEVER"]:
        return Notify.NEVER
    wanted = Notify.NEVER
    for word in words:
        if word not in _NOTIFY:
            return None
        wanted |= _NOTIFY[word]
    return wanted


def _original(text: str) -> OriginalRecipient | None:
    """Return the address type and the decoded text of ORCPT.

    Source: RFC 3461 §4.2, RFC 6533 §3.
    """
    address_type, semicolon, coded = text.partition(";")
    if not semicolon or not coded or len(text) > 500 or not _ADDRESS_TYPE.fullmatch(address_type):
        return None
    if address_type.lower() == "utf-8":
        plain = _decode_utf8_address(coded)
    else:
        plain = decode_xtext(coded) if _XTEXT.fullmatch(coded) else None
    if not plain or not plain.isprintable():
        return None
    return OriginalRecipient(address_type.lower(), plain)


def decode_xtext(text: str) -> str:
    """Return what xtext stands for.

    Source: RFC 3461 §4.
    """
    if "+" not in text:
        return text
    return re.sub(r"\+([0-9A-F]{2})", lambda m: chr(int(m[1], 16)), text)


def _decode_utf8_address(text: str) -> str | None:
    r"""Return what utf-8-addr-xtext (``\x{20AC}``) or utf-8-addr-unitext stands for."""
    try:
        return _UTF8_ESCAPE.sub(lambda m: chr(int(m[1], 16)), text)
    except ValueError:
        return None
