# SPDX-License-Identifier: MIT
"""UTF8=ACCEPT: names of mailboxes in UTF-8, and APPEND of messages with UTF-8 in their header.

Source: RFC 6855 §3, RFC 6855 §4.
"""

from __future__ import annotations

from homemail.imap.extension import Extension

UTF8_ACCEPT = Extension(capability=b"UTF8=ACCEPT", enable=frozenset({b"UTF8=ACCEPT"}))
