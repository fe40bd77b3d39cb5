# SPDX-License-Identifier: MIT
"""Failed logins counted by client and by account, and the waits that follow. No IO.

Invariants: a table holds at most ``_MOST_KEYS`` entries, the oldest go first; the same wrong
password sent again does not count again (a forgotten phone locks nobody out); tries of one client
that wait are put one behind the other, so that many connections guess no faster than one.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

_MOST_KEYS = 20_000


@dataclass(frozen=True, slots=True)
class Patience:
    """How waits grow: all in seconds."""

    first: float
    longest: float
    memory: float
    most_failures: int


@dataclass(slots=True)
class _Record:
    count: int = 0
    last_failure: float = 0.0
    last_attempt: bytes | None = None
    free_at: float = 0.0


class Failures:
    """Counts of one kind of key (client address, account name)."""

    def __init__(self, patience: Patience) -> None:
        self._patience = patience
        self._records: OrderedDict[str, _Record] = OrderedDict()

    def count(self, key: str, now: float) -> int:
        """Return how many failures of ``key`` still count."""
        record = self._fresh(key, now)
        return record.count if record else 0

    def locked_out(self, key: str, now: float) -> bool:
        """Return whether ``key`` has failed too often."""
        return self.count(key, now) >= self._patience.most_failures

    def wait(self, key: str, now: float) -> float:
        """Return the seconds from the last failure's wait that are left."""
        record = self._fresh(key, now)
        return max(0.0, record.free_at - now) if record else 0.0

    def take_turn(self, key: str, now: float) -> float:
        """Return the seconds to wait for a turn; the next one comes a wait later."""
        record = self._fresh(key, now)
        if record is None:
            return 0.0
        turn = max(now, record.free_at)
        record.free_at = turn + self._delay(record.count)
        return turn - now

    def failed(self, key: str, attempt: bytes, now: float) -> None:
        """Count a failure; ``attempt`` is a keyed digest of what was tried."""
        record = self._fresh(key, now) or _Record()
        if attempt != record.last_attempt:
            record.count += 1
        record.last_attempt = attempt
        record.last_failure = now
        record.free_at = max(record.free_at, now + self._delay(record.count))
        self._records[key] = record
        self._records.move_to_end(key)
        if len(self._records) > _MOST_KEYS:
            self._records.popitem(last=False)

    def forget(self, key: str) -> None:
        """Forget the failures of ``key``: it has shown that it knows a password."""
        self._records.pop(key, None)

    def _delay(self, count: int) -> float:
        growth: float = self._patience.first * 2.0 ** min(count - 1, 30)
        return min(growth, self._patience.longest)

    def _fresh(self, key: str, now: float) -> _Record | None:
        record = self._records.get(key)
        if record is not None and now - record.last_failure > self._patience.memory:
            del self._records[key]
            return None
        return record
