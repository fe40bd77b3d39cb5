# SPDX-License-Identifier: MIT
"""What a frontend tells an owner's worker when a client has authenticated."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from homemail.model.address import AccountId
from homemail.model.envelope import TraceId


class AccessProtocol(Enum):
    """The protocols that serve an account's mail to its owner."""

    IMAP = "imap"
    POP3 = "pop3"
    MANAGESIEVE = "managesieve"


@dataclass(frozen=True, slots=True)
class Peer:
    """The client's end of a connection."""

    host: str
    port: int

    @property
    def is_loopback(self) -> bool:
        return self.host == "::1" or self.host.startswith(("127.", "::ffff:127."))

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class TlsFacts:
    """How a connection is protected; ``None`` in its place means not at all."""

    version: str
    cipher: str
    server_name: str | None = None


@dataclass(frozen=True, slots=True)
class ChannelFacts:
    """What an authentication may depend on."""

    protocol: str  # "imap", "pop3", "managesieve", "smtp"
    peer: Peer
    tls: TlsFacts | None

    @property
    def is_private(self) -> bool:
        """A password may be sent in the clear: under TLS, or from this machine to itself."""
        return self.tls is not None or self.peer.is_loopback


@dataclass(frozen=True, slots=True)
class SessionStart:
    """An authenticated connection, with all that the worker must know to go on with it.

    ``ticket`` proves the authentication. ``tag`` is the command that logged in (IMAP), whose
    answer the worker sends; ``unread`` are octets that the client sent after it.
    """

    protocol: AccessProtocol
    account: AccountId
    ticket: str
    channel: ChannelFacts
    trace: TraceId
    tag: bytes = b""
    unread: bytes = b""
