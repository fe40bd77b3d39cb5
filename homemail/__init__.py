# SPDX-License-Identifier: MIT
"""homemail: a mailbox-centric mail server for a home or a small office."""

__version__ = "0.1.0"
