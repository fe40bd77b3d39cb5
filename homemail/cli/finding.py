# SPDX-License-Identifier: MIT
"""What ``homemail check`` found: one line for each trouble, with what to do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Finding:
    """One trouble. An error keeps mail from flowing; a warning is worth a look."""

    severity: Literal["error", "warning"]
    what: str
    advice: str = ""

    def __str__(self) -> str:
        return f"{self.what}; {self.advice}" if self.advice else self.what


def error(what: str, advice: str = "") -> Finding:
    """Return a finding that keeps mail from flowing."""
    return Finding("error", what, advice)


def warning(what: str, advice: str = "") -> Finding:
    """Return a finding that is worth a look."""
    return Finding("warning", what, advice)
