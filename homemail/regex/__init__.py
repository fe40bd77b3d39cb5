# SPDX-License-Identifier: MIT
"""Extended regular expressions whose cost is bounded: an automaton, never backtracking.

``syntax`` reads a pattern into a tree, ``program`` makes instructions of it, ``search`` runs them.
The standard library's ``re`` is not used: a pattern such as ``(a|a)*b`` and one message of a
stranger would stop the mail of its owner.
"""

from __future__ import annotations

from homemail.regex.search import Regex

__all__ = ["Regex"]
