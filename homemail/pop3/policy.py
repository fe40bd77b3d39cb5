# SPDX-License-Identifier: MIT
"""What the house decides about collected mail: how long it stays, how often one may come. No IO."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from homemail.config.pop3 import Pop3Settings
from homemail.model.address import AccountId
from homemail.model.mailbox import SEEN, MessageFacts, Uid

_MOST_REMEMBERED = 10_000


@dataclass(frozen=True, slots=True)
class Keeping:
    """``after_retrieval`` False: what was fetched goes at QUIT. ``days`` 0: read mail stays."""

    after_retrieval: bool = True
    days: int = 0

    @classmethod
    def of(cls, settings: Pop3Settings) -> Keeping:
        """Return what the settings say."""
        return cls(not settings.pop3_delete_after_retrieval, settings.pop3_keep_days)

    @property
    def expire(self) -> str:
        """Return the argument of EXPIRE.

        Source: RFC 2449 §6.7.
        """
        if not self.after_retrieval:
            return "0"
        return str(self.days) if self.days else "NEVER"

    def expired(self, facts: list[MessageFacts], now: datetime) -> list[Uid]:
        """Return the messages that were read and came longer ago than they are kept."""
        if not self.days:
            return []
        limit = now - timedelta(days=self.days)
        return [one.uid for one in facts if SEEN in one.flags and one.internal_date < limit]


class LoginDelay:
    """How often an account may log in. ``seconds`` 0: as often as it likes.

    Source: RFC 2449 §6.5.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._last: dict[AccountId, float] = {}

    def admits(self, account: AccountId, now: float) -> bool:
        """Return whether the account may log in at ``now``, and count it if it may."""
        if not self.seconds:
            return True
        if now - self._last.get(account, float("-inf")) < self.seconds:
            return False
        if len(self._last) >= _MOST_REMEMBERED:
            limit = now - self.seconds
            self._last = {name: at for name, at in self._last.items() if at > limit}
        self._last[account] = now
        return True
