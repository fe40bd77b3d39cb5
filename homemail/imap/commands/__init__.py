# SPDX-License-Identifier: MIT
"""The commands of IMAP4rev1, a file for each family."""

from __future__ import annotations
