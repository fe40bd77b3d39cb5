# SPDX-License-Identifier: MIT
"""The homemail command: one file per sub-command."""
