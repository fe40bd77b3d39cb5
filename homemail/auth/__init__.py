# SPDX-License-Identifier: MIT
"""Who may log in: accounts, password schemes, SASL mechanisms."""
