# SPDX-License-Identifier: MIT
"""Two servers measured in turns, and the table that comes of it.

Figures of one machine at one hour say little; the ratio of two that ran in turns says more. A
ratio that moves by less than 1.3 is noise on a machine that others use, too.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field


@dataclass(slots=True)
class Work:
    """One piece of work: how many times a second each side did it, run by run."""

    name: str
    ours: list[float] = field(default_factory=list)
    theirs: list[float] = field(default_factory=list)

    @property
    def ratios(self) -> list[float]:
        return [ours / theirs for ours, theirs in zip(self.ours, self.theirs, strict=True)]


def take_turns(
    name: str, ours: Callable[[], float], theirs: Callable[[], float], pairs: int
) -> Work:
    """Measure the peer and homemail ``pairs`` times, one after the other."""
    work = Work(name)
    for _ in range(pairs):
        work.theirs.append(theirs())
        work.ours.append(ours())
    return work


def table(peer: str, works: Iterable[Work]) -> str:
    """Return the results: medians per second, the median ratio and its spread."""
    lines = [
        f"| work | {peer}/s | homemail/s | ratio | lowest-highest |",
        "|---|---|---|---|---|",
    ]
    for work in works:
        ratios = work.ratios
        lines.append(
            f"| {work.name} | {_rate(work.theirs)} "
            f"| {_rate(work.ours)} | {statistics.median(ratios):.2f} "
            f"| {min(ratios):.2f}-{max(ratios):.2f} |"
        )
    return "\n".join(lines)


def _rate(rates: list[float]) -> str:
    median = statistics.median(rates)
    return f"{median:.0f}" if median >= 100 else f"{median:.3g}"
