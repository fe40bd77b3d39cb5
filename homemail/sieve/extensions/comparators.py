# SPDX-License-Identifier: MIT
"""Comparators in ``require`` (RFC 5228 §2.7.3), and the numeric one (RFC 4790 §9.1)."""

from __future__ import annotations

import re

from homemail.sieve.extension import Comparator, Extension

_DIGITS = re.compile("0*([0-9]*)")


def _number(text: str) -> tuple[bool, int, str]:
    """Return what orders numbers of any length; a text without digits in front is infinite."""
    if not text[:1].isascii() or not text[:1].isdigit():
        return True, 0, ""
    found = _DIGITS.match(text)
    digits = found[1] if found else ""
    return False, len(digits), digits


_NUMERIC = Comparator("i;ascii-numeric", key=_number, fold=None)

ASCII_NUMERIC = Extension(name="comparator-i;ascii-numeric", comparators={_NUMERIC.name: _NUMERIC})

# Both are always known; a script may ask for them all the same.
OCTET = Extension(name="comparator-i;octet")
ASCII_CASEMAP = Extension(name="comparator-i;ascii-casemap")
