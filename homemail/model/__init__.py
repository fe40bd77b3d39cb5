# SPDX-License-Identifier: MIT
"""Values of the field: addresses, envelopes, mailboxes, queue entries, replies. No IO."""
