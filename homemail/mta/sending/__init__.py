# SPDX-License-Identifier: MIT
"""Sending to other hosts: which host, the SMTP and LMTP client, the connection."""
