# SPDX-License-Identifier: MIT
"""The words that need no ``require`` (RFC 5228 §3 to §5), in the same form as extensions."""

from __future__ import annotations

from homemail.sieve.core.actions import ACTIONS
from homemail.sieve.core.control import CONTROL
from homemail.sieve.core.match import MATCH
from homemail.sieve.core.tests import TESTS

CORE = (CONTROL, ACTIONS, TESTS, MATCH)
