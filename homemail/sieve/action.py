# SPDX-License-Identifier: MIT
"""What a script wants done with a message; ``mda`` carries it out."""

from __future__ import annotations

from dataclasses import dataclass

from homemail.model.address import Address
from homemail.model.envelope import Notify, Ret
from homemail.model.mailbox import Flags, MailboxName

NO_FLAGS: Flags = frozenset()


@dataclass(frozen=True, slots=True)
class Keep:
    """File the message where it goes without a script (RFC 5228 §4.3).

    ``header`` is the message's own, as the script has edited it (RFC 5293); None where it has not.
    """

    flags: Flags = NO_FLAGS
    header: bytes | None = None


@dataclass(frozen=True, slots=True)
class FileInto:
    """File the message in a mailbox (RFC 5228 §4.1).

    ``copy``: the implicit keep was left alone (RFC 3894); it stands in the outcome by itself.
    ``create``: make the mailbox if it is missing (RFC 5490 §3.2), for ``special_use`` where that is
    not empty (RFC 8579 §4). ``header`` as in ``Keep``.
    """

    mailbox: MailboxName
    flags: Flags = NO_FLAGS
    copy: bool = False
    create: bool = False
    special_use: str = ""
    header: bytes | None = None


@dataclass(frozen=True, slots=True)
class Redirect:
    """Send the message on (RFC 5228 §4.2). ``copy`` as in ``FileInto``, ``header`` as in ``Keep``.

    ``notify`` and ``ret`` are what the next host is asked for (RFC 6009 §4); None leaves it as it
    came.
    """

    address: Address
    copy: bool = False
    header: bytes | None = None
    notify: Notify | None = None
    ret: Ret | None = None


@dataclass(frozen=True, slots=True)
class Discard:
    """Throw the message away, as far as no other action keeps it (RFC 5228 §4.4)."""


@dataclass(frozen=True, slots=True)
class Reject:
    r"""Refuse the message (RFC 5429). ``reason`` may have several lines, parted by ``\r\n``.

    ``prefer_reply``: ``ereject``, a refusal in the SMTP dialogue is wanted before all else.
    """

    reason: str
    prefer_reply: bool = False


@dataclass(frozen=True, slots=True)
class Vacation:
    """Answer the sender, at most once in ``seconds`` (RFC 5230, RFC 6131).

    ``subject`` and ``header_from`` None are for ``mda`` to choose. ``addresses`` are the owner's
    own beside those that ``mda`` knows. ``mime``: ``reason`` is a whole MIME entity.
    ``handle`` tells answers apart: two with the same one count as the same. Where the script gives
    none it stands for the script's words before variables were put in. ``fcc``: where a copy of the
    answer goes (RFC 8580).
    """

    reason: str
    seconds: int
    handle: str
    subject: str | None = None
    header_from: str | None = None
    addresses: tuple[str, ...] = ()
    mime: bool = False
    fcc: FileInto | None = None


@dataclass(frozen=True, slots=True)
class Notification:
    """Tell somebody by mail that a message has come (RFC 5435, RFC 5436).

    ``fields`` are those of the URI, with names in lower case. ``text`` empty is for ``mda`` to
    choose. ``importance`` is from 1 (high) to 3 (low).
    """

    to: tuple[Address, ...]
    text: str = ""
    header_from: str | None = None
    importance: int = 2
    fields: tuple[tuple[str, str], ...] = ()
    fcc: FileInto | None = None


@dataclass(frozen=True, slots=True)
class Seen:
    """What the test ``duplicate`` wants remembered when the message is delivered (RFC 7352)."""

    key: str
    seconds: int


Action = Keep | FileInto | Redirect | Discard | Reject | Vacation | Notification
