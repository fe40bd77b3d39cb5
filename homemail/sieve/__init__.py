# SPDX-License-Identifier: MIT
"""The Sieve language (RFC 5228): script and message to actions; one file per extension."""
