# SPDX-License-Identifier: MIT
"""Homes that must be made, and mailboxes that must not be made a second time.

An account whose home lies directly in ``home_base`` gets its home when it is first wanted. Whose
INBOX existed once has a marker outside his home: when INBOX is missing later, a disk is not
mounted, and mail waits instead of going into a second mailbox underneath.
"""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import quote

from homemail import durable
from homemail.auth.api import Account
from homemail.errors import Temporary

_GONE = "The mailboxes are not where they were, try again later"


class Homes:
    """The homes in ``base``; the markers are in ``markers``; an ``inbox`` is relative to a home."""

    def __init__(self, base: Path, markers: Path) -> None:
        self._base = base
        self._markers = markers

    def prepare(self, account: Account, inbox: str) -> None:
        """Make the home where that is ours to do. Blocks.

        Raises:
            Temporary: the INBOX that was there is gone, or the home cannot be made.
        """
        if self._marker(account).exists() and not (account.home / inbox).exists():
            raise Temporary(_GONE) from FileNotFoundError(
                f"{account.home / inbox} was there and is gone: is a disk not mounted? "
                f"If it shall begin anew, remove {self._marker(account)}"
            )
        if account.home.parent == self._base and not account.home.exists():
            durable.make_directory(account.home)
            self._give(account)

    def opened(self, account: Account, inbox: str) -> None:
        """Remember that the account has an INBOX. Blocks.

        Raises:
            Temporary: that cannot be written down.
        """
        marker = self._marker(account)
        if not marker.exists() and (account.home / inbox).exists():
            durable.make_directory(self._markers)
            durable.write_atomic(marker, f"{account.home / inbox}\n".encode())

    def _marker(self, account: Account) -> Path:
        return self._markers / quote(account.id, safe="@+=")

    @staticmethod
    def _give(account: Account) -> None:
        if os.geteuid() == 0 and account.uid is not None:
            with durable.doing("giving a home to its owner"):
                gid = -1 if account.gid is None else account.gid
                os.chown(account.home, account.uid, gid, follow_symlinks=False)
