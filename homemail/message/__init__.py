# SPDX-License-Identifier: MIT
"""Octets of a message: header fields, MIME tree, encoded words, ENVELOPE and BODYSTRUCTURE.

Nothing here raises on hostile input, and all of it takes time linear in the octets. Line ends may
be CRLF or LF; offsets are those of the octets given, sizes those of the form with CRLF.
"""
