# SPDX-License-Identifier: MIT
"""Where expunged messages go, so that they can be brought back (``docs/formats/maildir.md``).

``~/.homemail/deleted/`` has a directory for each day (UTC). It holds the files, and ``records``:
after a first line that names the format one JSON object per line, added and synced before the file
moves. A record whose file is not there says nothing. A day is cleared as a whole, so nothing has to
be written anew.
"""

from __future__ import annotations

import errno
import json
import os
import secrets
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime, timedelta
from pathlib import Path

from homemail import durable
from homemail.log import Log
from homemail.store import message_file

_FIRST_LINE = b"homemail-deleted 1\n"
_RECORDS = "records"
_DAY = timedelta(days=1)

log = Log("store")


@dataclass(frozen=True, slots=True)
class Deleted:
    """What is recorded of one message; ``file`` is ``DAY/NAME``, dates are in seconds."""

    file: str
    mailbox_id: str
    mailbox: str
    uid: int
    flags: tuple[str, ...]
    internal_date: int
    save_date: int
    deleted_at: int
    session: str

    @property
    def id(self) -> str:
        """What people call it by: the part of the file's name that chance made."""
        return self.file.partition("/")[2].partition("-")[0]


class DeletedMail:
    """The directory of one owner's deleted messages; ``keep`` is in seconds, 0 keeps nothing."""

    def __init__(self, directory: Path, keep: float) -> None:
        self.directory = directory
        self.keep = keep

    def record(self, deleted: Sequence[Deleted]) -> None:
        """Write down what is about to be moved here, durably; all are of one day."""
        records = (self.directory / deleted[0].file).parent / _RECORDS
        durable.make_directory(records.parent)
        if not records.exists():
            durable.write_atomic(records, _FIRST_LINE)
        lines = [json.dumps(asdict(one), ensure_ascii=True) + "\n" for one in deleted]
        durable.append(records, "".join(lines).encode("ascii"))

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

    def give_up(self, files: Sequence[str]) -> None:
        """Remove what is somewhere else again, durably."""
        for file in files:
            durable.unlink(self.directory / file, missing_ok=True)
        self.sync(files)

    def sync(self, files: Sequence[str]) -> None:
        """Make durable which of ``files`` are here and which are not any more."""
        for day in sorted({file.partition("/")[0] for file in files}):
            durable.sync_directory(self.directory / day)

    def records(self) -> Iterator[Deleted]:
        """Yield what is here, by the day."""
        for day in self._days():
            lines = self._lines(self.directory / day / _RECORDS)
            for record in filter(None, map(_parsed, lines)):
                if record.file.startswith(f"{day}/") and self._is_here(record.file):
                    yield record

    def _lines(self, path: Path) -> list[bytes]:
        try:
            fd = message_file.open_file(path)
        except FileNotFoundError:
            return []
        with os.fdopen(fd, "rb") as file:
            data = file.read()
        if not data.startswith(_FIRST_LINE):
            log.warning("records of deleted messages cannot be read", file=path)
            return []
        return data.split(b"\n")[1:]

    def _is_here(self, file: str) -> bool:
        name = file.partition("/")[2]
        return "/" not in name and os.path.lexists(self.directory / file)

    def clear(self, now: float, at_most: int) -> bool:
        """Remove up to so many messages whose time is over; return whether there are more."""
        moment = datetime.fromtimestamp(now, UTC)
        for day in self._days():
            end = datetime.fromisoformat(day).replace(tzinfo=UTC) + _DAY
            # A day to come is one of a clock that was wrong: it may be now that is.
            if self.keep and end + timedelta(seconds=self.keep) > moment:
                return False
            names = sorted(os.listdir(self.directory / day), key=_RECORDS.__eq__)
            for name in names[:at_most]:
                durable.unlink(self.directory / day / name, missing_ok=True)
            if len(names) > at_most:
                return True
            at_most -= len(names)
            os.rmdir(self.directory / day)
            log.info("deleted messages cleared", directory=self.directory, day=day)
        return False

    def _days(self) -> list[str]:
        """Return the names of the days' directories, the oldest first."""
        try:
            with os.scandir(self.directory) as entries:
                names = [e.name for e in entries if e.is_dir(follow_symlinks=False)]
        except FileNotFoundError:
            return []
        return sorted(filter(_is_day, names))

    @staticmethod
    def name_for(path: str, now: float) -> str:
        """Return a name here for ``new/NAME`` or ``cur/NAME:2,FLAGS`` that nothing else has."""
        name = f"{secrets.token_hex(6)}-{path[4:].partition(':')[0]}"[:255]
        return f"{datetime.fromtimestamp(now, UTC):%Y-%m-%d}/{name}"


def _is_day(name: str) -> bool:
    with suppress(ValueError):
        return f"{datetime.fromisoformat(name):%Y-%m-%d}" == name
    return False


def _parsed(line: bytes) -> Deleted | None:
    """Return the record in a line; None where it is none, as after a crash while it was added."""
    try:
        values = json.loads(line)
        known = {of.name: values[of.name] for of in fields(Deleted)}
        record = Deleted(**{**known, "flags": tuple(map(str, known["flags"]))})
    except (ValueError, KeyError, TypeError):
        return None
    texts = (record.file, record.mailbox_id, record.mailbox, record.session)
    numbers = (record.uid, record.internal_date, record.save_date, record.deleted_at)
    whole = all(isinstance(text, str) for text in texts)
    return record if whole and all(isinstance(number, int) for number in numbers) else None
