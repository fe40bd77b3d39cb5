# SPDX-License-Identifier: MIT
"""When the password of each program was last used, kept in a file of its own.

The file is JSON, ``{"ACCOUNT": {"LABEL": {"at": SECONDS, "from": ADDRESS}}}``. It is written at
most once a minute and when the server ends: after a crash a minute of it may be missing.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from pathlib import Path

from homemail.durable import write_atomic
from homemail.errors import MailError
from homemail.log import Log
from homemail.model.address import AccountId

log = Log("auth")

_WRITE_SECONDS = 60.0

Uses = dict[str, dict[str, dict[str, object]]]


def read_uses(path: Path) -> Uses:
    """Return what is known; nothing where the file is missing or broken."""
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


class LastUses:
    """The file at ``path``. ``clock`` is the wall's, in seconds since 1970."""

    def __init__(self, path: Path, clock: Callable[[], float]) -> None:
        self._path = path
        self._clock = clock
        self._uses: Uses | None = None
        self._written_at = float("-inf")
        self._is_changed = False
        self._lock = threading.Lock()

    def note(self, account: AccountId, label: str, host: str) -> None:
        """Note a login; may write the file. Called in any thread."""
        with self._lock:
            if self._uses is None:
                self._uses = read_uses(self._path)
            self._uses.setdefault(account, {})[label] = {"at": int(self._clock()), "from": host}
            self._is_changed = True
            if self._clock() - self._written_at >= _WRITE_SECONDS:
                self._write()

    def close(self) -> None:
        """Write what has changed."""
        with self._lock:
            self._write()

    def _write(self) -> None:
        if not self._is_changed:
            return
        self._written_at, self._is_changed = self._clock(), False
        try:
            write_atomic(self._path, json.dumps(self._uses, indent=1).encode() + b"\n")
        except MailError as error:
            log.warning("the last use of passwords is not written", why=error.__cause__ or error)
