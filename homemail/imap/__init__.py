# SPDX-License-Identifier: MIT
"""IMAP: a core without IO, a session, a Twisted shell of a few lines."""
