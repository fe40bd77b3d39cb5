# SPDX-License-Identifier: MIT
"""A stored secret as text, ``{SCHEME}value``; what it matches is the affair of ``schemes``."""

from __future__ import annotations

import re
from collections.abc import Sequence

SECRET = re.compile(r"\{([A-Za-z0-9-]+)(?:\.(b64|base64|hex))?\}(.*)", re.DOTALL)
"""Scheme, how the value is written, value."""


def scheme_of(secret: str) -> str:
    """Return the scheme's name in capitals."""
    match = SECRET.fullmatch(secret)
    return match[1].upper() if match else "CRYPT"


def replaced(secrets: Sequence[str], old: str, new: Sequence[str]) -> tuple[str, ...]:
    """Return ``secrets`` with ``new`` in the place of ``old``."""
    return tuple(one for secret in secrets for one in (new if secret == old else (secret,)))
