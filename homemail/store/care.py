# SPDX-License-Identifier: MIT
"""Looking a mailbox through from beginning to end, and making its index anew.

Both go in small steps, each of them in the owner's lane, so that mail arrives meanwhile.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from homemail.store import maildir_name as names
from homemail.store import message_file
from homemail.store.api import Found, Progress, Wanted
from homemail.store.maildir_box import Box
from homemail.store.maildir_name import base_of

AT_ONCE = 100
"""Messages that are read before others have their turn in the lane."""

_ALL = Wanted(envelope=True, body_structure=True, header=True)


def check(box: Box) -> Iterator[Progress | Found]:
    """Compare names, files and index; what is found is said, nothing is changed but the index."""
    box.scan()
    uids = box.uids()
    yield Progress(0, len(uids))
    for start in range(0, len(uids), AT_ONCE):
        batch = uids[start : start + AT_ONCE]
        yield from _check_files(box, batch)
        yield from _check_parts(box, batch)
        yield Progress(min(start + AT_ONCE, len(uids)), len(uids))
    yield from _others(box.directory)


def reindex(box: Box) -> Iterator[Progress | Found]:
    """Forget what the index says of the mailbox and read every message again."""
    box.scan()
    before = _known(box)
    box.begin_index()
    box.around.full_text.forget(box)
    uids = box.uids()
    yield Progress(0, len(uids))
    for start in range(0, len(uids), AT_ONCE):
        box.fill(box.rows.positions(uids[start : start + AT_ONCE]))
        yield Progress(min(start + AT_ONCE, len(uids)), len(uids))
    after = _known(box)
    changed = sum(before[uid] != after[uid] for uid in before.keys() & after.keys())
    yield Found(f"{len(uids)} messages read" + (f", {changed} were not as known" * bool(changed)))


def _known(box: Box) -> dict[int, tuple[int, bytes]]:
    rows = box.rows
    return {
        rows.uids[at]: (rows.sizes[at], bytes(rows.emails[16 * at : 16 * at + 16]))
        for at in range(len(rows))
        if rows.filled[at]
    }


def _check_files(box: Box, uids: Sequence[int]) -> Iterator[Found]:
    """Read each file and compare it with its name and with what is known of it."""
    for at in box.rows.positions(uids):
        row = box.rows.row(at)
        path = box.directory / row.path
        try:
            reading = message_file.read(path)
        except FileNotFoundError:
            continue  # it goes, or has another name by now: the next look finds out
        except OSError as error:
            yield Found(f"message {row.uid} cannot be read: {path} ({error.strerror})")
            continue
        ours = names.parse(base_of(row.path))
        if ours is not None and ours.size != reading.disk_size:
            found = f"has {reading.disk_size} octets, its name says {ours.size}"
            yield Found(f"message {row.uid} {found}: {path}")
        elif row.filled and reading.digest != row.email:
            yield Found(f"message {row.uid} is not what it was when it was filed: {path}")


def _check_parts(box: Box, uids: Sequence[int]) -> Iterator[Found]:
    """See that the index can answer for each; what it lacks is put in."""
    record, index = box.record, box.around.index
    lacking = len(uids) - len(index.parts(record, uids, _ALL)) if record else len(uids)
    if lacking:
        box.fill(box.rows.positions(uids))
        box.cached(uids, _ALL)
        yield Found(f"{lacking} messages were not in the index; put in", mended=True)


def _others(directory: Path) -> Iterator[Found]:
    """Name what lies among the messages and is none."""
    for sub in ("new", "cur"):
        with os.scandir(directory / sub) as entries:
            for entry in entries:
                if not entry.name.startswith(".") and not entry.is_file(follow_symlinks=False):
                    yield Found(f"no message, and passed over: {entry.path}")
