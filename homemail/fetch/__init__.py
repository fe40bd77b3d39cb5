# SPDX-License-Identifier: MIT
"""Collecting mail from other servers over POP3 and IMAP; nothing here yet."""
