# SPDX-License-Identifier: MIT
"""SORT=DISPLAY: by the names that a person sees (RFC 5957 §4)."""

from __future__ import annotations

from homemail.imap.extension import Extension
from homemail.imap.sort_keys import Fields, SortKey, first_address, folded
from homemail.message.words import decode_words


def _display(fields: Fields, name: bytes) -> str:
    """Return the first address as it is shown: its name, else the address itself.

    Source: RFC 5957 §3.
    """
    address = first_address(fields, name)
    if address is None:
        return ""
    shown = decode_words(address.name) if address.name else ""
    if not shown and address.mailbox:
        host = b"@" + address.host if address.host else b""
        shown = (address.mailbox + host).decode("utf-8", "replace")
    return folded(shown)


SORT_DISPLAY = Extension(
    capability=b"SORT=DISPLAY",
    sort_keys={
        b"DISPLAYFROM": SortKey("DISPLAYFROM", "", lambda fields: _display(fields, b"from")),
        b"DISPLAYTO": SortKey("DISPLAYTO", "", lambda fields: _display(fields, b"to")),
    },
)
