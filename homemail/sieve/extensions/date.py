# SPDX-License-Identifier: MIT
"""The tests ``date`` and ``currentdate`` (RFC 5260 §4, RFC 5260 §5)."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, datetime, timedelta, timezone, tzinfo

from homemail.message.dates import format_date, parse_date
from homemail.sieve.compiler import Compiler
from homemail.sieve.core.match import fold_ascii
from homemail.sieve.extension import Extension, TagSpec, TestSpec
from homemail.sieve.interpret import Predicate, Run
from homemail.sieve.syntax import Kind
from homemail.sieve.validate import Bound

_DAY_ZERO = date(1858, 11, 17).toordinal()  # Modified Julian Day 0
_ZONE = re.compile(r"([+-])([0-9]{2})([0-5][0-9])")
_Part = Callable[[datetime], str]


def _iso8601(moment: datetime) -> str:
    return moment.replace(microsecond=0).isoformat().replace("+00:00", "Z")


_PARTS: dict[str, _Part] = {
    "year": lambda moment: f"{moment.year:04}",
    "month": lambda moment: f"{moment.month:02}",
    "day": lambda moment: f"{moment.day:02}",
    "date": lambda moment: moment.date().isoformat(),
    "julian": lambda moment: str(moment.toordinal() - _DAY_ZERO),
    "hour": lambda moment: f"{moment.hour:02}",
    "minute": lambda moment: f"{moment.minute:02}",
    "second": lambda moment: f"{moment.second:02}",
    "time": lambda moment: f"{moment:%H:%M:%S}",
    "iso8601": _iso8601,
    "std11": format_date,
    "zone": lambda moment: f"{moment:%z}",
    "weekday": lambda moment: str(moment.isoweekday() % 7),
}


def _parse_part(text: str) -> _Part:
    part = _PARTS.get(fold_ascii(text))
    if part is None:
        raise ValueError(f'"{text[:60]}" is no part of a date: one of {", ".join(_PARTS)}')
    return part


def _parse_zone(text: str) -> tzinfo:
    found = _ZONE.fullmatch(text)
    if not found or int(found[2]) > 23:
        raise ValueError(f'"{text[:60]}" is no time zone such as "+0100"')
    offset = timedelta(hours=int(found[2]), minutes=int(found[3]))
    return timezone(-offset if found[1] == "-" else offset)


def _zone(bound: Bound, compiler: Compiler) -> Callable[[Run], tzinfo | None]:
    """Return what tells the zone to shift to; None leaves the moment in its own."""
    if "originalzone" in bound.tags:
        return lambda run: None
    string = bound.tag_string("zone")
    if string is not None:
        return compiler.parsed(string, _parse_zone)
    return lambda run: run.surroundings.now.tzinfo


def _shifted(moment: datetime, zone: tzinfo | None) -> datetime | None:
    try:
        return moment.astimezone(zone) if zone else moment
    except OverflowError:
        return None  # beyond the years 1 to 9999


def _moment(body: str) -> datetime | None:
    """Return the date that a field is, or that stands behind its last semicolon."""
    return parse_date(body.rpartition(";")[2].encode("ascii", "replace"))


def _date(bound: Bound, compiler: Compiler) -> Predicate:
    name, part = compiler.text(bound.string(0)), compiler.parsed(bound.string(1), _parse_part)
    matcher, select = compiler.matcher(bound, bound.strings(2)), compiler.select(bound)
    zone = _zone(bound, compiler)

    def of_field(run: Run) -> bool:
        fields = run.message.fields(fold_ascii(name.of(run)))
        chosen = fields[:1] if select is None else select(fields)
        moments = (_moment(body) for body in chosen)
        shifted = (_shifted(moment, zone(run)) for moment in moments if moment)
        return matcher(run, [part(run)(moment) for moment in shifted if moment])

    return of_field


def _current_date(bound: Bound, compiler: Compiler) -> Predicate:
    part = compiler.parsed(bound.string(0), _parse_part)
    matcher, zone = compiler.matcher(bound, bound.strings(1)), _zone(bound, compiler)
    return lambda run: matcher(run, [part(run)(run.surroundings.now.astimezone(zone(run)))])


_ZONE_TAG = {"zone": TagSpec(Kind.STRING, group="time zone")}
_STRINGS = (Kind.STRING, Kind.STRING, Kind.STRINGS)

DATE = Extension(
    name="date",
    tests={
        "date": TestSpec(
            _STRINGS,
            tags={**_ZONE_TAG, "originalzone": TagSpec(group="time zone")},
            matches=True,
            build=_date,
        ),
        "currentdate": TestSpec(_STRINGS[1:], tags=_ZONE_TAG, matches=True, build=_current_date),
    },
)
