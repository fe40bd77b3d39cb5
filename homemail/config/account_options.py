# SPDX-License-Identifier: MIT
"""What an account's own line may say of its mailboxes (``docs/formats/users.md``)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from homemail.config.declare import Size
from homemail.config.mailbox import MailboxSettings, MaildirBelowHome

_RULE = re.compile(r"\*:((?:(?:storage|bytes|messages)=\d{1,15}[bkmgtBKMGT]?(?::|$))+)")
_UNITS = {"": 0, "b": 0, "k": 10, "m": 20, "g": 30, "t": 40}


@dataclass(frozen=True, slots=True)
class QuotaLimits:
    """What an account may hold; 0 is no limit."""

    octets: int = 0
    messages: int = 0


def limits_of_account(options: Mapping[str, str], settings: MailboxSettings) -> QuotaLimits:
    """Return the limits of an account: its ``quota`` and ``quota_messages``, else the house's.

    Dovecot's ``quota_rule=*:storage=1G:messages=1000`` is read, too.

    Raises:
        ValueError: with the option that is wrong and what was expected.
    """
    octets, messages = _dovecot_rule(options.get("quota_rule", ""))
    if "quota" in options:
        octets = _size(options["quota"])
    if "quota_messages" in options:
        messages = _number(options["quota_messages"])
    return QuotaLimits(settings.quota if octets is None else octets, messages or 0)


def inbox_of(options: Mapping[str, str], settings: MailboxSettings) -> str:
    """Return where an account's INBOX is, below its home: its ``home_mailbox``, else the house's.

    Dovecot's ``mail=maildir:~/Maildir`` is read, too.

    Raises:
        ValueError: with the option that is wrong and what was expected.
    """
    text = options.get("home_mailbox", "")
    if not text and options.get("mail", "").startswith("maildir:~/"):
        text = options["mail"].removeprefix("maildir:~/").partition(":")[0].rstrip("/") + "/"
    if not text:
        return settings.home_mailbox
    try:
        return MaildirBelowHome().parse(text)
    except ValueError as error:
        raise ValueError(f"home_mailbox: expected {error}") from None


def _dovecot_rule(text: str) -> tuple[int | None, int | None]:
    found = _RULE.fullmatch(text)
    if found is None:
        return None, None
    limits: dict[str, int] = {}
    for part in found[1].rstrip(":").split(":"):
        key, _, value = part.partition("=")
        number, unit = re.fullmatch(r"(\d+)(\D?)", value).groups()  # type: ignore[union-attr]
        if key == "messages":
            limits[key] = int(number)
        else:  # storage without a unit is in KiB
            limits["octets"] = int(number) << _UNITS[unit.lower() or "bk"[key == "storage"]]
    return limits.get("octets"), limits.get("messages")


def _size(text: str) -> int:
    try:
        return Size().parse(text)
    except ValueError as error:
        raise ValueError(f"quota: expected {error}") from None


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 16):
        raise ValueError("quota_messages: expected a number")
    return int(text)
