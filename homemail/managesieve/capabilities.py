# SPDX-License-Identifier: MIT
"""What the server can do (RFC 5804 §1.7)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from homemail import __version__, sieve
from homemail.managesieve.dialogue import string


def capability_lines(
    mechanisms: Sequence[str], *, starttls: bool, redirects: int, owner: str = ""
) -> Iterator[bytes]:
    """Yield the lines of CAPABILITY, without the OK; ``owner`` is empty before the login."""
    yield _line("IMPLEMENTATION", f"homemail {__version__}")
    yield _line("SASL", " ".join(mechanisms))
    yield _line("SIEVE", " ".join(sieve.capabilities()))
    if starttls:
        yield string("STARTTLS")
    yield _line("MAXREDIRECTS", str(redirects))
    if owner:
        yield _line("OWNER", owner)
    yield string("UNAUTHENTICATE")
    yield _line("VERSION", "1.0")


def _line(name: str, value: str) -> bytes:
    return string(name) + b" " + string(value)
