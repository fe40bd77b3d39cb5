# SPDX-License-Identifier: MIT
"""POP3: a core without IO, a session, a Twisted shell of a few lines."""
