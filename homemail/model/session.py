# SPDX-License-Identifier: MIT
"""What a frontend tells an owner's worker when a client has authenticated."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
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
    """How a connection is protected; ``None`` in its place means not at all.

    ``bindings`` is the data of each channel binding type that the connection has (RFC 5929,
    RFC 9266); ``client_names`` are those in the client's certificate, which was verified.
    """

    version: str
    cipher: str
    server_name: str | None = None
    bindings: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    client_names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ChannelFacts:
    """What an authentication may depend on."""

    protocol: str  # "imap", "pop3", "managesieve", "smtp"
    peer: Peer
    tls: TlsFacts | None
    tls_required: bool = False

    @property
    def is_private(self) -> bool:
        """A password may be sent in the clear: under TLS, or from this machine to itself."""
        return self.tls is not None or (self.peer.is_loopback and not self.tls_required)

    @property
    def is_too_open(self) -> bool:
        """Nobody may log in before TLS has begun, whatever he shows."""
        return self.tls_required and self.tls is None


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
