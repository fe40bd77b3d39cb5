# SPDX-License-Identifier: MIT
"""What CAPA announces.

Source: RFC 2449 §6, RFC 2595 §4, RFC 3206 §4, RFC 5034 §3.
"""

from __future__ import annotations

from collections.abc import Sequence

from homemail import __version__

_ALWAYS = ["TOP", "UIDL", "RESP-CODES", "AUTH-RESP-CODE", "PIPELINING", "EXPIRE NEVER"]


def capabilities(
    mechanisms: Sequence[str], *, starttls: bool = False, logged_in: bool = False
) -> list[str]:
    """Return the lines of CAPA; the version is only for those who have logged in."""
    lines = list(_ALWAYS)
    if "PLAIN" in mechanisms:
        lines.append("USER")
    if mechanisms:
        lines.append("SASL " + " ".join(mechanisms))
    if starttls:
        lines.append("STLS")
    lines.append(
        f"IMPLEMENTATION homemail-{__version__}" if logged_in else "IMPLEMENTATION homemail"
    )
    return lines
