# SPDX-License-Identifier: MIT
"""The contracts inside the transfer: routes, verdicts, the queue."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from homemail.model.address import AccountId, Address
from homemail.model.envelope import Envelope, QueueId, Recipient
from homemail.model.message import MessageContent
from homemail.model.queue import QueuedRecipient, QueueEntry
from homemail.model.reply import Reply


@dataclass(frozen=True, slots=True)
class NextHop:
    """Where to connect next: ``transport`` (``smtp``, ``lmtp``…), host as written, port.

    ``bracketed`` hosts are not looked up in MX (``[mail.isp.example]:587``). With port 0 ``host``
    is the path of a UNIX socket, or what a transport that does not connect makes of it.
    """

    transport: str
    host: str
    port: int = 25
    bracketed: bool = False

    def __str__(self) -> str:
        if not self.port:
            return f"{self.transport}:{self.host}"
        host = f"[{self.host}]" if self.bracketed else self.host
        return f"{self.transport}:{host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Local:
    """The recipient has an account here. ``detail`` is what follows the recipient delimiter."""

    account: AccountId
    detail: str | None
    recipient: Address


@dataclass(frozen=True, slots=True)
class Relay:
    """The recipient is elsewhere.

    ``invited``: we take mail for it from anybody, by ``relay_domains`` or a table of aliases.
    """

    next_hop: NextHop
    invited: bool = False


@dataclass(frozen=True, slots=True)
class RouteRefused:
    """The recipient cannot be reached through here."""

    reply: Reply


@dataclass(frozen=True, slots=True)
class AliasTarget:
    """A table of aliases names something that is no address; ``Recipient.target`` says what.

    The queue alone goes there, so that nothing runs while a client waits.
    """

    target: str

    @property
    def is_list(self) -> bool:
        """Whether it stands for more recipients."""
        return self.target.startswith(":")


Route = Local | Relay | RouteRefused | AliasTarget


@dataclass(frozen=True, slots=True)
class Accepted:
    """A recipient that RCPT led to, and where its mail goes."""

    recipient: Recipient
    route: Route


@dataclass(frozen=True, slots=True)
class Accept:
    """Permit, and ask no further check of this list."""


@dataclass(frozen=True, slots=True)
class Reject:
    """Refuse for good (``reply`` is 5xx)."""

    reply: Reply


@dataclass(frozen=True, slots=True)
class Defer:
    """Refuse for now (``reply`` is 4xx)."""

    reply: Reply


@dataclass(frozen=True, slots=True)
class Hold:
    """Take the message and put it on hold."""

    reason: str


@dataclass(frozen=True, slots=True)
class NoOpinion:
    """Ask the next check (DUNNO)."""


Verdict = Accept | Reject | Defer | Hold | NoOpinion


class Queue(Protocol):
    """What must wait. Durable before any call returns."""

    async def add(
        self,
        envelope: Envelope,
        content: MessageContent,
        *,
        dormant: bool = False,
        hold: bool = False,
    ) -> QueueId:
        """Keep a message for every recipient of ``envelope``; it is active unless ``dormant``.

        With ``hold`` it waits until somebody releases it. The queue id is the envelope's trace.
        """

    async def activate(self, queue_id: QueueId, recipients: Sequence[QueuedRecipient]) -> None:
        """Set what became of each recipient of a dormant entry, and schedule those pending.

        An entry with nothing pending is removed, once its sender knows what he should.
        """

    async def entries(self) -> Sequence[QueueEntry]:
        """Return every entry, oldest first."""

    async def flush(self) -> None:
        """Try everything that is deferred now."""

    async def close(self) -> None:
        """Finish the attempts that are under way (within seconds), keep the rest."""
