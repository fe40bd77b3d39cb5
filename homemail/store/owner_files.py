# SPDX-License-Identifier: MIT
"""What an owner has besides mailboxes: the last UIDVALIDITY given, and subscriptions.

Both are small text files below ``~/.homemail`` (``docs/formats/state.md``).
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from homemail import durable
from homemail.errors import Temporary
from homemail.log import Log
from homemail.model.mailbox import INBOX, MailboxName, UidValidity
from homemail.store.layout import directory_name, mailbox_name

_VALIDITY = "homemail-uidvalidity 1"
_SUBSCRIPTIONS = "homemail-subscriptions 1"

log = Log("store")


class OwnerFiles:
    """The small files of one owner."""

    def __init__(self, directory: Path) -> None:
        self._validity = directory / "uidvalidity"
        self._subscriptions = directory / "subscriptions"

    def next_uid_validity(self, now: float) -> UidValidity:
        """Return a UIDVALIDITY that no mailbox of this owner had, whatever the clock says."""
        last, taken_over = self._given()
        value = min(max(int(now), last + 1), 2**32 - 1)
        self._write(value, taken_over)
        return UidValidity(value)

    def take_over(self, given: UidValidity, name: MailboxName) -> bool:
        """Remember that a mailbox goes on with the UIDVALIDITY of another server.

        False where it did so before: what was given out since is not known any more.
        """
        last, taken_over = self._given()
        line = f"taken-over {given} {directory_name(name) or 'INBOX'}"
        if line in taken_over:
            return False
        self._write(max(last, given), [*taken_over, line])
        return True

    def _given(self) -> tuple[int, list[str]]:
        lines = _read(self._validity, _VALIDITY)
        last = max((int(line) for line in lines if line.isdigit()), default=0)
        return last, [line for line in lines if not line.isdigit()]

    def _write(self, last: int, others: list[str]) -> None:
        text = "".join(f"{line}\n" for line in [_VALIDITY, str(last), *others])
        durable.write_atomic(self._validity, text.encode("ascii", "replace"))

    def subscriptions(self) -> set[MailboxName]:
        """Return the subscribed names."""
        lines = _read(self._subscriptions, _SUBSCRIPTIONS)
        names = (INBOX if line == "INBOX" else mailbox_name(line) for line in lines)
        return {name for name in names if name is not None}

    def subscribe(self, names: Iterable[MailboxName]) -> None:
        """Replace the subscriptions."""
        lines = sorted(directory_name(name) or "INBOX" for name in names)
        text = "".join(f"{line}\n" for line in [_SUBSCRIPTIONS, *lines])
        durable.write_atomic(self._subscriptions, text.encode("ascii"))


def _read(path: Path, first_line: str) -> list[str]:
    """Return the lines of a file after the first, which names the format."""
    with durable.doing(f"reading {path.name}"):
        try:
            lines = path.read_text("ascii", "replace").splitlines()
        except FileNotFoundError:
            return []
    if lines[:1] == [first_line]:
        return lines[1:]
    if lines and lines[0].startswith(first_line.partition(" ")[0] + " "):
        raise Temporary(f"{path.name} was written by a later version of this program")
    log.warning("file cannot be read and is begun anew", file=path)
    return []
