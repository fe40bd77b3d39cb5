# SPDX-License-Identifier: MIT
"""Dates of a header (RFC 5322 §3.3 and §4.3)."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone

DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")

_COMMENT = re.compile(rb"\([^()]*+\)")
_DATE = re.compile(
    rb"(?:[A-Za-z]{2,10}\.?,?\s*)?(\d{1,2})[\s-]+([A-Za-z]{3})[A-Za-z]*\.?,?[\s-]+(\d{2,4}),?"
    rb"(?:\s+(\d{1,2})[:.](\d{2})(?:[:.](\d{2})(?:\.\d+)?)?\s*([ap]m)?)?"
    rb"(?:\s*(?:GMT|UTC)?([+-]\d{4}|[+-]\d{2}:\d{2})|\s*([A-Za-z]{1,5}))?",
    re.IGNORECASE,
)
_CTIME = re.compile(
    rb"(?:[A-Za-z]{3},?\s+)?([A-Za-z]{3})\s+(\d{1,2}),?\s+(\d{1,2}):(\d{2}):(\d{2})"
    rb"(?:\s+([+-]\d{4}|[A-Z]{1,5}))?\s+(\d{4})",
)
_ZONES = {
    b"EDT": -4, b"EST": -5, b"CDT": -5, b"CST": -6, b"MDT": -6, b"MST": -7, b"PDT": -7, b"PST": -8,
    b"CET": 1, b"MET": 1, b"CEST": 2, b"MEST": 2, b"EET": 2, b"EEST": 3, b"BST": 1, b"JST": 9,
}  # fmt: skip


def parse_date(body: bytes) -> datetime | None:
    """Return the moment that a Date field names, with its zone, or None where it names none.

    Two-digit years, named zones, missing seconds or zone and ``ctime`` order are understood; a
    zone that is unknown or missing is UTC.

    Source: RFC 5322 §4.3.
    """
    if b"(" in body:
        body = _COMMENT.sub(b" ", body)
    body = body[:200].strip()
    if found := _DATE.match(body):
        day, month, year, hour, minute, second, half, offset, zone = found.groups()
    elif found := _CTIME.match(body):
        month, day, hour, minute, second, offset, year = found.groups()
        half, zone = None, offset
    else:
        return None
    try:
        return datetime(
            _year(year),
            MONTHS.index(month.decode("ascii").capitalize()) + 1,
            int(day),
            _hour(int(hour or 0), half),
            int(minute or 0),
            min(int(second or 0), 59),  # a leap second
            tzinfo=_zone(offset or zone or b""),
        )
    except (ValueError, OverflowError):
        return None


def _year(digits: bytes) -> int:
    year = int(digits)
    if len(digits) == 4:
        return year
    return year + (2000 if len(digits) == 2 and year < 50 else 1900)


def _hour(hour: int, half: bytes | None) -> int:
    if half is None or not 1 <= hour <= 12:
        return hour
    return hour % 12 + (12 if half.lower() == b"pm" else 0)


def _zone(text: bytes) -> timezone:
    if text[:1] in (b"+", b"-"):
        digits = text[1:].replace(b":", b"")
        minutes = int(digits[:2]) * 60 + int(digits[2:])
        return timezone(timedelta(minutes=minutes if text[:1] == b"+" else -minutes))
    return timezone(timedelta(hours=_ZONES.get(text.upper(), 0)))


def format_date(moment: datetime) -> str:
    """Return ``moment`` (which knows its zone) as a Date field has it.

    Source: RFC 5322 §3.3.
    """
    return (
        f"{DAYS[moment.weekday()]}, {moment.day} {MONTHS[moment.month - 1]} {moment.year:04}"
        f" {moment:%H:%M:%S %z}"
    )
