# SPDX-License-Identifier: MIT
"""What decided on an address, step by step: for ``homemail explain``, and for nobody else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Step:
    """One decision. ``what`` is the setting, ``where`` the file and line, empty for a rule."""

    what: str
    before: str
    after: str
    where: str = ""


Note = Callable[[Step], None]


def silent(step: Step) -> None:
    """Take no notice."""
