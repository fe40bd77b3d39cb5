# SPDX-License-Identifier: MIT
"""The names of comparators in ``require`` (RFC 5228 §2.7.3)."""

from __future__ import annotations

from homemail.sieve.extension import Extension

# Both are always known; a script may ask for them all the same.
OCTET = Extension(name="comparator-i;octet")
ASCII_CASEMAP = Extension(name="comparator-i;ascii-casemap")
