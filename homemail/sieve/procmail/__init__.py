# SPDX-License-Identifier: MIT
"""Turns procmail's recipes into a Sieve script, and says what cannot be turned.

``recipes`` reads a file, ``conditions`` and ``actions`` turn its lines, ``turn`` puts it together.
"""

from __future__ import annotations

from homemail.sieve.procmail.turn import Turned, turn

__all__ = ["Turned", "turn"]
