# SPDX-License-Identifier: MIT
"""Final delivery to one owner: .forward, Sieve's actions, programs."""
