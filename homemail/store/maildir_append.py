# SPDX-License-Identifier: MIT
"""Several appends at once: all written, synced side by side, renamed, one sync per directory.

Each append is all or none, and none has a part in the failure of another before names are changed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Protocol

from homemail import durable
from homemail.model.mailbox import Appended
from homemail.store import message_file
from homemail.store.api import NewMessage, Outcome
from homemail.store.maildir_box import Box, Draft

THREADS = 4
"""More do not make a disk faster, and every owner of a burst has them for a while."""


@dataclass(slots=True)
class Work:
    """One append: to a mailbox, or what went wrong on the way there."""

    box: Box | None
    messages: Sequence[NewMessage]
    failure: Exception | None = None
    drafts: list[Draft] = field(default_factory=list)
    appended: tuple[Appended, ...] = ()

    @property
    def outcome(self) -> Outcome:
        return self.appended if self.failure is None else self.failure

    def fail(self, error: Exception) -> None:
        """Give up, and remove what was written."""
        self.failure = error
        for draft in self.drafts:
            draft.undo(None)
        self.drafts = []


class MustFit(Protocol):
    """Raises ``OverQuota`` where messages have no room after others that are not there yet."""

    def __call__(self, sizes: Sequence[int], before: Sequence[int] = ()) -> None: ...


class Appending:
    """How one store appends. ``close`` ends its threads; they come again when needed."""

    def __init__(self, must_fit: MustFit) -> None:
        self._must_fit = must_fit
        self._threads: ThreadPoolExecutor | None = None

    def do(self, works: Sequence[Work]) -> None:
        """Do all that have not failed yet; durable."""
        before: list[int] = []
        for work in works:
            _attempt(work, lambda work=work: self._write(work, before))  # type: ignore[misc]
        self._sync(works)
        for box in dict.fromkeys(work.box for work in works if work.drafts):
            if box is not None:
                _place(box, [work for work in works if work.drafts and work.box is box])

    def _write(self, work: Work, before: list[int]) -> None:
        box = work.box
        if box is None:
            return
        self._must_fit([message.content.size for message in work.messages], before)
        box.check_open()
        box.learn(flag for message in work.messages for flag in message.flags)
        for message in work.messages:
            work.drafts.append(box.draft(message))
        sizes = [draft.wire_size for draft in work.drafts]
        self._must_fit(sizes, before)
        before += sizes

    def _sync(self, works: Iterable[Work]) -> None:
        pairs = [(work, draft) for work in works for draft in work.drafts]
        if len(pairs) == 1:
            errors = [_sync(pairs[0][1])]
        else:
            if self._threads is None and pairs:
                self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="mail-sync")
            run = self._threads.map if self._threads else map
            errors = list(run(_sync, [draft for _, draft in pairs]))
        for (work, _), error in zip(pairs, errors, strict=True):
            if error is not None:
                work.fail(error)

    def close(self) -> None:
        """End the threads."""
        threads, self._threads = self._threads, None
        if threads is not None:
            threads.shutdown()


def _sync(draft: Draft) -> Exception | None:
    """Make the octets of a draft durable; return what went wrong."""
    try:
        with durable.doing("writing a message"):
            if draft.written is not None:
                message_file.sync(draft.written)
    except Exception as error:
        return error
    return None


def _place(box: Box, works: Sequence[Work]) -> None:
    """Give the drafts of several appends their places, together."""
    try:
        uids = iter([uid for _, uid in box.add([d for work in works for d in work.drafts])])
    except Exception as error:
        for work in works:
            work.failure, work.drafts = error, []  # add removed them
        return
    for work in works:
        work.appended = tuple(Appended(next(uids), box.uid_validity) for _ in work.drafts)


def _attempt(work: Work, act: Callable[[], None]) -> None:
    try:
        act()
    except Exception as error:
        work.fail(error)
    except BaseException as error:
        work.fail(RuntimeError(str(error)))
        raise
