# SPDX-License-Identifier: MIT
"""The name somebody meant who wrote one that nobody knows."""

from __future__ import annotations

from collections.abc import Iterable


def nearest(name: str, names: Iterable[str]) -> str:
    """Return ``; did you mean NAME?`` where one of ``names`` is near, else an empty text."""
    import difflib  # only a mistake needs it, and every command would wait for it

    close = difflib.get_close_matches(name, list(names), n=1, cutoff=0.6)
    return f"; did you mean {close[0]}?" if close else ""
