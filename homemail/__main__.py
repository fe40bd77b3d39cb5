# SPDX-License-Identifier: MIT
"""``python -m homemail``: the homemail command."""

import sys

from homemail.cli import main

if __name__ == "__main__":
    sys.exit(main())
