# SPDX-License-Identifier: MIT
"""What a script can see: the message, its envelope, the surroundings."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Protocol

from homemail.model.address import Address, ReversePath
from homemail.model.mailbox import MailboxName
from homemail.sieve.scores import Scores


@dataclass(frozen=True, slots=True)
class SeenAddress:
    """An address in a header: its two parts as written, without quotes."""

    local_part: str
    domain: str


class FieldsView(Protocol):
    """A header: that of a message or of a part of one. Field names come in lower case."""

    def fields(self, field_name: str) -> Sequence[str]:
        """Return the bodies of all fields of a name, in order.

        Unfolded, encoded words decoded, no white space around.
        """

    def addresses(self, field_name: str) -> Sequence[Sequence[SeenAddress]]:
        """Return the addresses in each field of a name; what is none is passed over."""


class PartView(FieldsView, Protocol):
    """A MIME part (RFC 5703)."""

    @property
    def children(self) -> Sequence[PartView]:
        """The parts in it, in order."""

    def text(self) -> str:
        """Return its content as text; empty where it is not known how."""


class MessageView(FieldsView, Protocol):
    """A message as the language sees it. Field names come in lower case."""

    @property
    def size(self) -> int:
        """Octets."""

    def raw_body(self) -> str:
        """Return the octets behind the header as text (RFC 5173 §5.1)."""

    def body_parts(self, content_types: Sequence[str]) -> Sequence[str]:
        """Return the content of the MIME parts of such types, decoded (RFC 5173 §5.2).

        ``text/html``, ``text`` (every subtype) or the empty string (every part), in lower case.
        """

    def top_part(self) -> PartView:
        """Return the message as the part that holds all others."""

    def header(self) -> bytes:
        """Return the message's own header with the empty line that ends it (RFC 5293)."""

    def with_header(self, header: bytes) -> MessageView:
        """Return the message with another header of its own."""


@dataclass(frozen=True, slots=True)
class EnvelopeView:
    """Who sends the message to whom.

    ``forward_path`` is the address as it was before the house changed it (``alice+lists@...``).
    """

    reverse_path: ReversePath
    forward_path: Address


def _unknown(_: MailboxName) -> bool:
    return False


def _none(_: str) -> Sequence[MailboxName]:
    return ()


def _no_list(_: str) -> Sequence[str] | None:
    return None


def _never_seen(_: str, __: int) -> bool:
    return False


_NOTHING: Mapping[str, str] = {}


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What beside message and envelope an extension may ask for.

    ``delimiter`` parts user and detail (RFC 5233). ``mailbox_exists`` is asked while the script
    runs (RFC 5490). ``environment`` are the items of RFC 5183 by name. ``now`` knows its zone,
    which is the local one. ``special_use`` returns the mailboxes with such an attribute
    (RFC 8579); ``was_seen`` whether a key was remembered in the last seconds (RFC 7352);
    ``members`` what is in a list of the owner's, None where there is no such list (RFC 6134).
    ``scores`` reads what filters said of spam and viruses (RFC 5235).
    """

    now: datetime = field(default_factory=lambda: datetime.now(UTC).astimezone())
    delimiter: str = "+"
    mailbox_exists: Callable[[MailboxName], bool] = _unknown
    environment: Mapping[str, str] = field(default_factory=lambda: _NOTHING)
    special_use: Callable[[str], Sequence[MailboxName]] = _none
    was_seen: Callable[[str, int], bool] = _never_seen
    members: Callable[[str], Sequence[str] | None] = _no_list
    scores: Scores = field(default_factory=Scores)
