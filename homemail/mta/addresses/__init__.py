# SPDX-License-Identifier: MIT
"""Addresses: completed, rewritten, expanded. ``resolve`` is what RCPT asks."""
