# SPDX-License-Identifier: MIT
"""The extensions of IMAP, a file for each; announced in this order."""

from __future__ import annotations

from homemail.imap.commands.simple import ID
from homemail.imap.extension import Extension

EXTENSIONS: tuple[Extension, ...] = (ID,)
