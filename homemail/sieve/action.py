# SPDX-License-Identifier: MIT
"""What a script wants done with a message; ``mda`` carries it out."""

from __future__ import annotations

from dataclasses import dataclass

from homemail.model.address import Address
from homemail.model.mailbox import Flags, MailboxName

NO_FLAGS: Flags = frozenset()


@dataclass(frozen=True, slots=True)
class Keep:
    """File the message where it goes without a script (RFC 5228 §4.3)."""

    flags: Flags = NO_FLAGS


@dataclass(frozen=True, slots=True)
class FileInto:
    """File the message in a mailbox (RFC 5228 §4.1).

    ``copy``: the implicit keep was left alone (RFC 3894); it stands in the outcome by itself.
    ``create``: make the mailbox if it is missing (RFC 5490 §3.2).
    """

    mailbox: MailboxName
    flags: Flags = NO_FLAGS
    copy: bool = False
    create: bool = False


@dataclass(frozen=True, slots=True)
class Redirect:
    """Send the message on (RFC 5228 §4.2). ``copy`` as in ``FileInto``."""

    address: Address
    copy: bool = False


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
    none it stands for the script's words before variables were put in.
    """

    reason: str
    seconds: int
    handle: str
    subject: str | None = None
    header_from: str | None = None
    addresses: tuple[str, ...] = ()
    mime: bool = False


Action = Keep | FileInto | Redirect | Discard | Reject | Vacation
