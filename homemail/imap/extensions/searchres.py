# SPDX-License-Identifier: MIT
"""SEARCHRES: SEARCH RETURN (SAVE) keeps what was found, ``$`` stands for it.

SEARCH itself saves, the selected mailbox keeps the result, the grammar knows ``$``.

Source: RFC 5182 §2.1.
"""

from __future__ import annotations

from homemail.imap.extension import Extension

SEARCHRES = Extension(capability=b"SEARCHRES", result_options=frozenset({b"SAVE"}))
