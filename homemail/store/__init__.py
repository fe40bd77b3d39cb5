# SPDX-License-Identifier: MIT
"""Mailboxes: contracts, Maildir, the memory twin, index, layout, changes."""
