# SPDX-License-Identifier: MIT
"""STATUS=SIZE: the octets of a mailbox (RFC 8438 §3)."""

from __future__ import annotations

from homemail.imap.extension import Extension

STATUS_SIZE = Extension(
    capability=b"STATUS=SIZE", status_items={b"SIZE": lambda counts: b"%d" % counts.size}
)
