# SPDX-License-Identifier: MIT
"""SMTP, submission and LMTP as a server: a session without IO, and the shell that moves octets."""
