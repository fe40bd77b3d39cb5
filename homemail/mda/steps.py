# SPDX-License-Identifier: MIT
"""Which steps of a deferred delivery are done: kept on the disk, as it may wait for days.

``~/.homemail/ledger/steps/DIGEST``, with the SHA-256 of the delivery's id in hexadecimal, is a JSON
object: ``format`` (``homemail steps 1``), ``id``, and ``done``, the names of the steps that were
served. Steps that failed for good are not in it: tried again, they fail again. It is written when
the delivery is deferred, and goes when the delivery ends; what nobody asked for in a month goes
when another one is written.
"""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Iterable
from pathlib import Path

from homemail import durable
from homemail.log import Log
from homemail.mda.ledger import DIRECTORY, digest

FORMAT = "homemail steps 1"
_KEPT_SECONDS = 30 * 86_400
_LARGEST = 1 << 20

log = Log("mda")


class StepsOnDisk:
    """The steps of one owner's deferred deliveries. Used in the owner's lane only."""

    def __init__(self, home: Path) -> None:
        self._directory = home.joinpath(*DIRECTORY, "steps")

    def read(self, delivery_id: str) -> list[str]:
        """Return the steps that were served; none where nothing is known."""
        path = self._path(delivery_id)
        try:
            with path.open("rb") as file:
                found = json.loads(file.read(_LARGEST))
            if found["format"] == FORMAT and found["id"] == delivery_id:
                return [str(step) for step in found["done"]]
        except FileNotFoundError:
            return []
        except (OSError, ValueError, KeyError, TypeError) as error:
            log.warning("steps cannot be read, some may be done again", file=path, why=error)
        return []

    def write(self, delivery_id: str, steps: Iterable[str]) -> None:
        """Keep the steps that were served.

        Raises:
            Temporary: they cannot be written.
        """
        durable.make_directory(self._directory)
        self._clear_old()
        facts = {"format": FORMAT, "id": delivery_id, "done": list(steps)}
        durable.write_atomic(self._path(delivery_id), json.dumps(facts).encode())

    def forget(self, delivery_id: str) -> None:
        """Drop what was kept; the delivery has ended."""
        with contextlib.suppress(OSError):
            self._path(delivery_id).unlink(missing_ok=True)

    def _path(self, delivery_id: str) -> Path:
        return self._directory / digest((delivery_id,)).hex()

    def _clear_old(self) -> None:
        oldest = time.time() - _KEPT_SECONDS
        with contextlib.suppress(OSError):
            for path in self._directory.iterdir():
                if path.lstat().st_mtime < oldest:
                    path.unlink(missing_ok=True)
