# SPDX-License-Identifier: MIT
"""ManageSieve (RFC 5804): a core without IO, a session, a Twisted shell of a few lines."""
