# SPDX-License-Identifier: MIT
"""The octets of a message: header fields, MIME tree, encoded words, wire forms for IMAP."""
