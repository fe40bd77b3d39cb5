# SPDX-License-Identifier: MIT
"""The state of the line and what to do when it comes up; nothing here yet."""
