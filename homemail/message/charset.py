# SPDX-License-Identifier: MIT
"""Octets of any charset into text: never raises, never runs a codec that is not for text."""

from __future__ import annotations

import codecs
from functools import lru_cache

_NOT_FOR_MAIL = frozenset(
    {"idna", "punycode", "unicode-escape", "raw-unicode-escape", "undefined", "mbcs", "oem"}
)  # slow on long input, or not a charset
_WIDER = {"ascii": "utf-8", "iso8859-1": "cp1252", "gb2312": "gb18030", "gbk": "gb18030"}
_WIDER |= {"shift_jis": "cp932", "euc_kr": "cp949", "ks_c_5601-1987": "cp949"}


@lru_cache(maxsize=256)
def _codec(charset: bytes) -> str | None:
    if not charset or len(charset) > 40:
        return None
    try:
        name = codecs.lookup(charset.decode("ascii").strip()).name
        b"".decode(name)  # refuses codecs that are not for text
    except (LookupError, ValueError, ImportError):
        return None
    if name.replace("_", "-") in _NOT_FOR_MAIL:
        return None
    return _WIDER.get(name, name)


def decode_charset(octets: bytes, charset: bytes) -> str:
    """Return ``octets`` as text; what cannot be read becomes U+FFFD.

    An unknown or missing charset is UTF-8 where the octets are that, else Windows-1252.
    """
    codec = _codec(charset)
    if codec not in (None, "utf-8", "cp1252"):
        try:
            return octets.decode(codec or "utf-8", "replace")
        except (UnicodeError, ValueError, LookupError):
            return octets.decode("utf-8", "replace")
    if codec == "cp1252":
        return octets.decode("cp1252", "replace")
    try:
        return octets.decode("utf-8")
    except UnicodeDecodeError:
        return octets.decode("utf-8" if codec else "cp1252", "replace")
