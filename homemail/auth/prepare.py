# SPDX-License-Identifier: MIT
"""SASLprep: how user names and passwords are made comparable.

Source: RFC 4013 §2.
"""

from __future__ import annotations

import stringprep
import unicodedata

_PROHIBITED = (
    stringprep.in_table_c12,
    stringprep.in_table_c21_c22,
    stringprep.in_table_c3,
    stringprep.in_table_c4,
    stringprep.in_table_c5,
    stringprep.in_table_c6,
    stringprep.in_table_c7,
    stringprep.in_table_c8,
    stringprep.in_table_c9,
)


def prepare(text: str) -> str:
    """Return ``text`` in its SASLprep form. Unassigned code points are let through.

    Raises:
        ValueError: it holds a character that is prohibited, or mixes directions wrongly.

    Source: RFC 4013 §2.
    """
    if text.isascii() and text.isprintable():
        return text
    mapped = "".join(
        " " if stringprep.in_table_c12(letter) else letter
        for letter in text
        if not stringprep.in_table_b1(letter)
    )
    prepared = unicodedata.normalize("NFKC", mapped)
    if any(prohibits(letter) for letter in prepared for prohibits in _PROHIBITED):
        raise ValueError("a character that is prohibited in names and passwords")
    _check_directions(prepared)
    return prepared


def _check_directions(text: str) -> None:
    """Refuse right-to-left text that does not begin and end so (RFC 3454 §6)."""
    if not any(stringprep.in_table_d1(letter) for letter in text):
        return
    if any(stringprep.in_table_d2(letter) for letter in text):
        raise ValueError("text of both directions")
    if not (stringprep.in_table_d1(text[0]) and stringprep.in_table_d1(text[-1])):
        raise ValueError("right-to-left text that does not begin and end so")


def prepare_password(octets: bytes) -> bytes:
    """Return a password as it is compared: prepared where it can be, else as it came."""
    try:
        return prepare(octets.decode()).encode()
    except ValueError:
        return octets
