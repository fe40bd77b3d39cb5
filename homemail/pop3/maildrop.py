# SPDX-License-Identifier: MIT
"""The transaction state as values: numbers, sizes, marks. No IO.

Invariant: a number means the same message from login to QUIT, whatever other sessions do.

Source: RFC 1939 §5.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from homemail.model.mailbox import SEEN, MessageFacts, Uid, UidValidity
from homemail.pop3.connection import parse_number


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
    """The messages of one session."""

    def __init__(
        self,
        uid_validity: UidValidity,
        facts: Sequence[MessageFacts],
        unique_ids: Mapping[Uid, str],
    ) -> None:
        self.uid_validity = uid_validity
        self._unique_ids = unique_ids
        self._messages = [
            Message(number, fact.uid, fact.size) for number, fact in enumerate(facts, 1)
        ]
        self._seen_before = max((n for n, f in enumerate(facts, 1) if SEEN in f.flags), default=0)
        self._deleted: set[int] = set()
        self._retrieved: set[int] = set()

    def __iter__(self) -> Iterator[Message]:
        """Yield the messages that are not marked as deleted."""
        return (m for m in self._messages if m.number not in self._deleted)

    def count(self) -> int:
        return len(self._messages) - len(self._deleted)

    def size(self) -> int:
        """Return the octets of all messages that are not marked as deleted."""
        return sum(message.size for message in self)

    def get(self, argument: bytes) -> Message:
        """Return the message that a client means by ``argument``.

        Raises:
            NoSuchMessage: it is none, out of range, or marked as deleted.
        """
        number = parse_number(argument)
        if number is None:
            raise NoSuchMessage("That is not a message number")
        if not 0 < number <= len(self._messages):
            raise NoSuchMessage(f"There are only messages 1 to {len(self._messages)}")
        if number in self._deleted:
            raise NoSuchMessage(f"Message {number} is marked as deleted")
        return self._messages[number - 1]

    def after(self, message: Message) -> Message | None:
        """Return the next message, unless it is marked as deleted."""
        number = message.number + 1
        if number > len(self._messages) or number in self._deleted:
            return None
        return self._messages[number - 1]

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

    def unique_id(self, message: Message) -> str:
        """Return the unique-id, the same in every session.

        Source: RFC 1939 §7.
        """
        return self._unique_ids[message.uid]

    def to_remove(self, *, retrieved: bool = False) -> list[Uid]:
        """Return what was marked as deleted, and, if asked for, what was ``retrieved``."""
        numbers = self._deleted | self._retrieved if retrieved else self._deleted
        return [self._messages[number - 1].uid for number in sorted(numbers)]

    def to_mark_seen(self) -> list[Uid]:
        """Return what was retrieved and stays."""
        numbers = sorted(self._retrieved - self._deleted)
        return [self._messages[number - 1].uid for number in numbers]
