# SPDX-License-Identifier: MIT
"""Where expunged messages go, so that they can be brought back (``docs/formats/maildir.md``).

``~/.homemail/deleted/`` holds the files, and ``records``: after a first line that names the format
one JSON object per line, added and synced before the file moves. A record whose file is not there
says nothing.
"""

from __future__ import annotations

import errno
import json
import secrets
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from homemail import durable
from homemail.store import message_file

_FIRST_LINE = b"homemail-deleted 1\n"


@dataclass(frozen=True, slots=True)
class Deleted:
    """What is recorded of one message; dates in seconds."""

    file: str
    mailbox_id: str
    mailbox: str
    uid: int
    flags: tuple[str, ...]
    internal_date: int
    save_date: int
    deleted_at: int
    session: str


class DeletedMail:
    """The directory of one owner's deleted messages."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._records = directory / "records"

    def record(self, deleted: Sequence[Deleted]) -> None:
        """Write down what is about to be moved here, durably."""
        durable.make_directory(self.directory)
        if not self._records.exists():
            durable.write_atomic(self._records, _FIRST_LINE)
        lines = [json.dumps(asdict(one), ensure_ascii=True) + "\n" for one in deleted]
        durable.append(self._records, "".join(lines).encode("ascii"))

    def take(self, source: Path, file: str) -> None:
        """Move a message here; not durable before ``sync`` and a sync of where it was."""
        target = self.directory / file
        try:
            durable.rename(source, target)
        except OSError as error:
            if error.errno != errno.EXDEV:
                raise
            message_file.duplicate(source, target)
            durable.sync_directory(target.parent)
            durable.unlink(source)

    def sync(self) -> None:
        """Make the names of what was taken durable."""
        durable.sync_directory(self.directory)

    @staticmethod
    def name_for(path: str) -> str:
        """Return a name here for ``new/NAME`` or ``cur/NAME:2,FLAGS`` that nothing else has."""
        return f"{secrets.token_hex(4)}-{path[4:].partition(':')[0]}"[:255]
