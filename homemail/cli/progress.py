# SPDX-License-Identifier: MIT
"""A bar on stderr that says how far long work is; nothing where stderr is no terminal."""

from __future__ import annotations

import sys

_WIDTH = 30


def show_progress(what: str, done: int, total: int) -> None:
    """Draw the bar anew; it is wiped away when everything is done."""
    if not sys.stderr.isatty():
        return
    if done >= total:
        text = ""
    else:
        filled = _WIDTH * done // total
        bar = "#" * filled + "." * (_WIDTH - filled)
        text = f"{what} [{bar}] {100 * done // total}% of {total:,}"
    print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)
