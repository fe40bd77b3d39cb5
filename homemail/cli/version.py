# SPDX-License-Identifier: MIT
"""``homemail version``."""

from __future__ import annotations

import platform

from homemail import __version__
from homemail.cli.parser import Arguments, Parser


def configure(parser: Parser) -> None:
    """Add the command's arguments."""
    parser.examples = ("homemail version",)
    parser.set_defaults(run=run)


def run(arguments: Arguments) -> int:
    """Print the version, and that of Python, which a report of trouble needs too."""
    print(f"homemail {__version__} (Python {platform.python_version()})")
    return 0
