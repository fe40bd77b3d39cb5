# SPDX-License-Identifier: MIT
"""``${hex:...}`` and ``${unicode:...}`` in strings (RFC 5228 §2.4.2.4)."""

from __future__ import annotations

import re

from homemail.sieve.diagnostic import Wrong
from homemail.sieve.extension import Extension

_B = r"[ \t\r\n]"
_ENCODED = re.compile(
    rf"\$\{{(?:hex:{_B}*+((?:[0-9A-Fa-f]{{1,2}}(?:{_B}++|(?=\}})))++)"
    rf"|unicode:{_B}*+((?:[0-9A-Fa-f]++(?:{_B}++|(?=\}})))++))\}}",
    re.IGNORECASE,
)
_LAST_CHARACTER = 0x10FFFF


def _decode(text: str, at: int, required: frozenset[str]) -> str:
    if "${" not in text:
        return text

    def replace(found: re.Match[str]) -> str:
        if found[1] is not None:
            # Octets of one character may come from several places: put together below.
            return bytes(int(pair, 16) for pair in found[1].split()).decode(
                "utf-8", "surrogateescape"
            )
        return "".join(_character(digits, at) for digits in found[2].split())

    decoded = _ENCODED.sub(replace, text)
    return decoded.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _character(digits: str, at: int) -> str:
    stripped = digits.lstrip("0")
    number = int(stripped or "0", 16) if len(stripped) <= 6 else _LAST_CHARACTER + 1
    if number > _LAST_CHARACTER or 0xD800 <= number <= 0xDFFF:
        raise Wrong(at, f'"{digits[:20]}" is not the number of a character')
    return chr(number)


ENCODED_CHARACTER = Extension(name="encoded-character", expand=_decode)
