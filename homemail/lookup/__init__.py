# SPDX-License-Identifier: MIT
"""Tables: key to value, one file per table type."""
