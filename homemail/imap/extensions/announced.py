# SPDX-License-Identifier: MIT
"""Extensions whose work is done where the thing itself is; they only have to be announced."""

from __future__ import annotations

from homemail.imap.extension import Extension

LITERAL_PLUS = Extension(capability=b"LITERAL+", before_login=True)
"""Literals that do not wait (RFC 7888 §3): ``connection``."""

SASL_IR = Extension(capability=b"SASL-IR", before_login=True)
"""An initial response in AUTHENTICATE (RFC 4959 §3): ``login``."""

CHILDREN = Extension(capability=b"CHILDREN")
r"""``\\HasChildren`` in LIST (RFC 3348 §3): ``commands.listing``."""

SPECIAL_USE = Extension(capability=b"SPECIAL-USE")
r"""``\\Sent`` and its like in LIST (RFC 6154 §2): ``commands.listing``."""
