# SPDX-License-Identifier: MIT
"""The inner contract of the queue, what keeps entries and octets, and its memory twin.

Plain synchronous calls from one thread. A batch is durable as a whole when ``apply`` returns, so
what came at the same time shares its syncs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from homemail.errors import MailError, Temporary
from homemail.model.envelope import QueueId
from homemail.model.message import MemoryContent, MessageContent, read_all
from homemail.mta.queue.record import Stored


@dataclass(frozen=True, slots=True)
class Put:
    """Keep a new entry with its content."""

    stored: Stored
    content: MessageContent


@dataclass(frozen=True, slots=True)
class Change:
    """Turn ``old``, which is what was written last, into ``new``."""

    old: Stored
    new: Stored


@dataclass(frozen=True, slots=True)
class Drop:
    """Forget an entry and its content."""

    id: QueueId


Operation = Put | Change | Drop


class Spool(Protocol):
    """Where entries are kept."""

    def load(self) -> list[Stored]:
        """Return every entry that is whole; set aside and report what is not."""

    def apply(self, batch: Sequence[Operation]) -> list[MailError | None]:
        """Do each operation, durably; return the failure of each that failed.

        An operation that failed has changed nothing. One batch holds at most one for an entry.
        """

    def content(self, queue_id: QueueId) -> MessageContent:
        """Return the octets of a message; they stay readable after a drop.

        Raises:
            Temporary: they cannot be opened.
        """

    def close(self) -> None:
        """Give the spool up."""


class MemorySpool:
    """A spool that forgets everything at the end."""

    def __init__(self) -> None:
        self._kept: dict[QueueId, tuple[Stored, bytes]] = {}

    def load(self) -> list[Stored]:
        return [stored for stored, _ in self._kept.values()]

    def apply(self, batch: Sequence[Operation]) -> list[MailError | None]:
        return [self._apply(operation) for operation in batch]

    def _apply(self, operation: Operation) -> MailError | None:
        match operation:
            case Put(stored, content):
                try:
                    self._kept[stored.entry.id] = (stored, read_all(content))
                except OSError:
                    return Temporary("The message cannot be read")
            case Change(_, new):
                self._kept[new.entry.id] = (new, self._kept[new.entry.id][1])
            case Drop(queue_id):
                self._kept.pop(queue_id, None)
        return None

    def content(self, queue_id: QueueId) -> MessageContent:
        if queue_id not in self._kept:
            raise Temporary("The message is not in the queue")
        return MemoryContent(self._kept[queue_id][1])

    def close(self) -> None:
        pass
