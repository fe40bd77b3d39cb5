# SPDX-License-Identifier: MIT
"""What CAPA announces.

Source: RFC 2449 §6, RFC 2595 §4, RFC 3206 §4, RFC 5034 §3, RFC 6856 §2, RFC 6856 §3.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from homemail import __version__

_ALWAYS = ["TOP", "UIDL", "RESP-CODES", "AUTH-RESP-CODE", "PIPELINING", "UTF8 USER", "LANG"]


@dataclass(frozen=True, slots=True)
class Announced:
    """What the settings say: the argument of EXPIRE, and LOGIN-DELAY in seconds."""

    expire: str = "NEVER"
    login_delay: int = 0


def capabilities(
    mechanisms: Sequence[str],
    announced: Announced,
    *,
    starttls: bool = False,
    logged_in: bool = False,
) -> list[str]:
    """Return the lines of CAPA; the version is only for those who have logged in."""
    lines = [*_ALWAYS, f"EXPIRE {announced.expire}"]
    if announced.login_delay:
        lines.append(f"LOGIN-DELAY {announced.login_delay}")
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
