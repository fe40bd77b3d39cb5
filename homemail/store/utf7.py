# SPDX-License-Identifier: MIT
"""Modified UTF-7 (RFC 3501 §5.1.3): mailbox names on disk, and on the wire of IMAP4rev1."""

from __future__ import annotations

import base64
import re

_OTHER = re.compile("[^ -~]+")
_SHIFTED = re.compile("&([^-]*)-")


def encode(text: str, *, also: str = "") -> str:
    """Return ``text`` in modified UTF-7; characters of ``also`` are shifted too."""
    pattern = re.compile(f"&|(?:[^ -~]|[{re.escape(also)}])+") if also else re.compile("&|[^ -~]+")
    return pattern.sub(_shift, text)


def decode(text: str) -> str:
    """Return what ``text`` says in modified UTF-7.

    Raises:
        ValueError: it is not modified UTF-7.
    """
    if _OTHER.search(text):
        raise ValueError("not modified UTF-7")
    plain = _SHIFTED.sub(_unshift, text)
    if "&" in _SHIFTED.sub("", text):
        raise ValueError("not modified UTF-7")
    return plain


def _shift(match: re.Match[str]) -> str:
    if match[0] == "&":
        return "&-"
    letters = base64.b64encode(match[0].encode("utf-16-be", "surrogatepass")).decode("ascii")
    return "&" + letters.rstrip("=").replace("/", ",") + "-"


def _unshift(match: re.Match[str]) -> str:
    letters = match[1].replace(",", "/")
    if not letters:
        return "&"
    try:
        octets = base64.b64decode(letters + "=" * (-len(letters) % 4), validate=True)
        return octets.decode("utf-16-be")
    except ValueError:  # UnicodeDecodeError and binascii.Error are of this kind
        raise ValueError("not modified UTF-7") from None
