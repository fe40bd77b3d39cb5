# SPDX-License-Identifier: MIT
"""The transaction state as values: numbers, sizes, marks. No IO.

Invariant: a number means the same message from login to QUIT, whatever other sessions do.

Source: RFC 1939 §5.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

from homemail.model.mailbox import Uid, UidValidity
from homemail.pop3.connection import parse_number

T = TypeVar("T")


class NoSuchMessage(Exception):
    """A number that names no message, or a deleted one; ``text`` is safe for the client."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text


@dataclass(frozen=True, slots=True)
class Message:
    """A message of the maildrop; ``size`` in octets with CRLF."""

    number: int
    uid: Uid
    size: int


class Maildrop:
    """The messages of one session: ``sizes`` has UID, octets and whether it was seen of each."""

    def __init__(self, uid_validity: UidValidity, sizes: Sequence[tuple[Uid, int, bool]]) -> None:
        self.uid_validity = uid_validity
        self.uids = [uid for uid, _, _ in sizes]
        self._sizes = [size for _, size, _ in sizes]
        self._octets = sum(self._sizes)
        self._seen_before = max((n for n, one in enumerate(sizes, 1) if one[2]), default=0)
        self._deleted: set[int] = set()
        self._retrieved: set[int] = set()

    def numbered(self, values: Sequence[T]) -> Iterator[tuple[int, T]]:
        """Yield number and value of each message that is not marked as deleted.

        ``values`` has one for each message of the maildrop.
        """
        pairs = enumerate(values, 1)
        return (pair for pair in pairs if pair[0] not in self._deleted) if self._deleted else pairs

    def sizes(self) -> Iterator[tuple[int, int]]:
        """Yield number and octets of each message that is not marked as deleted."""
        return self.numbered(self._sizes)

    def count(self) -> int:
        return len(self.uids) - len(self._deleted)

    def size(self) -> int:
        """Return the octets of all messages that are not marked as deleted."""
        return self._octets - sum(self._sizes[number - 1] for number in self._deleted)

    def get(self, argument: bytes) -> Message:
        """Return the message that a client means by ``argument``.

        Raises:
            NoSuchMessage: it is none, out of range, or marked as deleted.
        """
        number = parse_number(argument)
        if number is None:
            raise NoSuchMessage("That is not a message number")
        if not 0 < number <= len(self.uids):
            raise NoSuchMessage(f"There are only messages 1 to {len(self.uids)}")
        if number in self._deleted:
            raise NoSuchMessage(f"Message {number} is marked as deleted")
        return self._message(number)

    def after(self, message: Message) -> Message | None:
        """Return the next message, unless it is marked as deleted."""
        number = message.number + 1
        if number > len(self.uids) or number in self._deleted:
            return None
        return self._message(number)

    def _message(self, number: int) -> Message:
        return Message(number, self.uids[number - 1], self._sizes[number - 1])

    def delete(self, message: Message) -> None:
        """Mark as deleted; it is removed after QUIT."""
        self._deleted.add(message.number)

    def retrieved(self, message: Message) -> None:
        """Note that the client got all of it."""
        self._retrieved.add(message.number)

    def reset(self) -> None:
        """Take every mark back, those of LAST too."""
        self._deleted.clear()
        self._retrieved.clear()

    def last(self) -> int:
        """Return the highest number that was ever fetched, for LAST of RFC 1460."""
        return max(self._seen_before, *self._retrieved, 0)

    def to_remove(self, *, retrieved: bool = False) -> list[Uid]:
        """Return what was marked as deleted, and, if asked for, what was ``retrieved``."""
        numbers = self._deleted | self._retrieved if retrieved else self._deleted
        return [self.uids[number - 1] for number in sorted(numbers)]

    def to_mark_seen(self) -> list[Uid]:
        """Return what was retrieved and stays."""
        numbers = sorted(self._retrieved - self._deleted)
        return [self.uids[number - 1] for number in numbers]
