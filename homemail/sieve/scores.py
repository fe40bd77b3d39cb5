# SPDX-License-Identifier: MIT
"""What a spam or virus filter wrote into the header, on the scales of RFC 5235."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Scores:
    """Where the filters write. Empty field names: messages are not tested.

    ``spam_pattern`` has one group, the number of points; ``spam_full`` points are certainly spam.
    ``clean`` and ``infected`` are patterns for the field of the virus filter.
    """

    spam_field: str = ""
    spam_pattern: str = ""
    spam_full: float = 10.0
    virus_field: str = ""
    clean: str = ""
    infected: str = ""

    def spam(self, bodies: Sequence[str]) -> float | None:
        """Return how surely it is spam, from 0 to 1; None: not tested. The first field counts."""
        found = re.search(self.spam_pattern, bodies[0]) if bodies else None
        if found is None or not found.groups() or self.spam_full <= 0:
            return None
        try:
            return min(max(float(found[1]) / self.spam_full, 0.0), 1.0)
        except ValueError:
            return None

    def virus(self, bodies: Sequence[str]) -> int:
        """Return 0 (not tested), 1 (clean) or 5 (infected); RFC 5235 §3.3."""
        if bodies and self.infected and re.search(self.infected, bodies[0]):
            return 5
        if bodies and self.clean and re.search(self.clean, bodies[0]):
            return 1
        return 0
