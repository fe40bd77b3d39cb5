# SPDX-License-Identifier: MIT
"""``:user`` and ``:detail``, the parts of ``user+detail`` (RFC 5233)."""

from __future__ import annotations

from homemail.sieve.extension import Extension
from homemail.sieve.interpret import Run


def _split(local_part: str, run: Run) -> tuple[str, str | None]:
    """Return user and detail; each letter of the delimiter parts them, as in Postfix."""
    places = [local_part.find(letter) for letter in run.surroundings.delimiter]
    at = min((place for place in places if place > 0), default=-1)
    return (local_part, None) if at < 0 else (local_part[:at], local_part[at + 1 :])


SUBADDRESS = Extension(
    name="subaddress",
    address_parts={
        "user": lambda local_part, domain, run: _split(local_part, run)[0],
        "detail": lambda local_part, domain, run: _split(local_part, run)[1],
    },
)
