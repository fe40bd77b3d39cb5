# SPDX-License-Identifier: MIT
"""IMAP4rev2: what ENABLE IMAP4rev2 changes stands where each thing is done (``is_rev2``).

After it SEARCH is answered by ESEARCH, names are in UTF-8, SELECT tells a LIST row and neither
RECENT nor UNSEEN, and FETCH responses that nobody asked for have the UID.

Source: RFC 9051 §6.3.1.
"""

from __future__ import annotations

from homemail.imap.extension import Extension

IMAP4REV2 = Extension(
    capability=b"IMAP4rev2",
    before_login=True,
    enable=frozenset({b"IMAP4rev2"}),
    status_items={b"DELETED": lambda counts: b"%d" % counts.deleted},
)
