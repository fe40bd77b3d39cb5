# SPDX-License-Identifier: MIT
"""The five roles: supervisor, authenticator, frontend, queue, mailbox worker."""
