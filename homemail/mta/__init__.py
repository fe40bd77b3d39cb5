# SPDX-License-Identifier: MIT
"""Transfer: SMTP server, policy, routing, queue, sending, notifications."""
