# SPDX-License-Identifier: MIT
"""The Twisted shell of IMAP: moves octets between a transport and the session's task."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

from twisted.internet.interfaces import ISSLTransport
from twisted.internet.protocol import Factory, Protocol

from homemail.auth.api import Authenticator
from homemail.config.imap import ImapSettings
from homemail.errors import MailError
from homemail.imap.extension import Vocabulary
from homemail.imap.extensions import EXTENSIONS
from homemail.imap.extensions.appendlimit import append_limit_extension
from homemail.imap.login import Login
from homemail.imap.session import Session
from homemail.imap.stream import Stream, StreamEnd
from homemail.imap.vocabulary import COMMANDS
from homemail.log import Log
from homemail.model.envelope import new_trace
from homemail.model.session import ChannelFacts, Peer, SessionStart, TlsFacts
from homemail.store.lane import OpenMail

log = Log("imap")


class ImapFactory(Factory):
    """Serves IMAP to whoever connects.

    ``tls_context`` is what ``transport.startTLS`` takes, or None where STARTTLS is not offered;
    implicit TLS is the listener's affair. ``append_limit`` is in octets.
    """

    noisy = False

    def __init__(
        self,
        authenticator: Authenticator,
        open_mail: OpenMail,
        settings: ImapSettings,
        *,
        tls_context: Any,
        append_limit: int,
        server_name: str,
    ) -> None:
        self.authenticator = authenticator
        self.open_mail = open_mail
        self.settings = settings
        self.tls_context = tls_context
        self.append_limit = append_limit
        self.server_name = server_name
        self.vocabulary = Vocabulary((*COMMANDS, *EXTENSIONS, append_limit_extension(append_limit)))
        self.clients: Counter[str] = Counter()
        self._tasks: dict[asyncio.Task[None], Stream] = {}

    def buildProtocol(self, addr: Any) -> ImapProtocol:  # noqa: N802
        return ImapProtocol(self)

    def serve(self, stream: Stream, tls: ImapProtocol) -> None:
        """Start the task of one connection."""
        task = asyncio.get_running_loop().create_task(self._serve(stream, tls))
        self._tasks[task] = stream
        task.add_done_callback(self._tasks.pop)

    async def shutdown(self) -> None:
        """Say BYE to every session when its running command is done; return when all are gone."""
        for stream in self._tasks.values():
            stream.stop()
        if self._tasks:
            await asyncio.wait(list(self._tasks))

    async def _serve(self, stream: Stream, tls: ImapProtocol) -> None:
        settings = self.settings
        login = Login(
            stream,
            tls,
            self.authenticator,
            self.vocabulary,
            new_trace(),
            server_name=self.server_name,
            timeout=settings.imap_login_timeout,
        )
        farewell = ""
        try:
            session = await self._log_in(login, stream, tls)
        except StreamEnd as end:
            farewell, session = end.farewell, None
        except Exception:
            log.exception("login failed", client=tls.channel().peer.host)
            farewell, session = "Internal trouble", None
        if session is None:
            login.dialogue.end(farewell)
        else:
            await session.run()

    async def _log_in(self, login: Login, stream: Stream, tls: ImapProtocol) -> Session | None:
        """Return the session of a client that has authenticated; None when it has logged out."""
        stream.set_deadline(self.settings.imap_login_timeout)
        login.greet(full=self.is_full(tls))
        while start := await login.run():
            try:
                session = await self._open(start, stream)
            except MailError as error:
                log.warning("cannot open", account=start.account, trace=start.trace, why=error)
                login.refuse(start, error)
            else:
                stream.set_deadline(None)
                return session
        return None

    async def _open(self, start: SessionStart, stream: Stream) -> Session:
        return Session(
            start,
            await self.open_mail(start),
            stream,
            self.vocabulary,
            append_limit=self.append_limit,
            idle_timeout=self.settings.imap_idle_timeout,
        )

    def is_full(self, tls: ImapProtocol) -> bool:
        """Whether this client has more connections than one may have."""
        host = tls.channel().peer.host
        return self.clients[host] > self.settings.imap_client_connection_count_limit


class ImapProtocol(Protocol):
    """One connection: the transport's events become those of a ``Stream``."""

    def __init__(self, factory: ImapFactory) -> None:
        self._server = factory
        self._stream: Stream
        self._peer: Peer

    # --- Twisted calls these

    def connectionMade(self) -> None:  # noqa: N802
        transport: Any = self.transport
        transport.setTcpNoDelay(True)
        address = transport.getPeer()
        self._peer = Peer(address.host, address.port)
        self._server.clients[self._peer.host] += 1
        self._stream = Stream(transport, asyncio.get_running_loop())
        transport.registerProducer(self, True)
        self._server.serve(self._stream, self)

    def dataReceived(self, data: bytes) -> None:  # noqa: N802
        self._stream.feed(data)

    def connectionLost(self, reason: Any = None) -> None:  # noqa: N802
        self._server.clients[self._peer.host] -= 1
        self._server.clients += Counter()  # drops those at zero
        self._stream.lost()

    def pauseProducing(self) -> None:  # noqa: N802
        self._stream.pause_writing()

    def resumeProducing(self) -> None:  # noqa: N802
        self._stream.resume_writing()

    def stopProducing(self) -> None:  # noqa: N802
        self._stream.resume_writing()

    # --- the login asks these

    def channel(self) -> ChannelFacts:
        return ChannelFacts("imap", self._peer, tls_facts(self.transport))

    @property
    def may_start(self) -> bool:
        return self._server.tls_context is not None and not ISSLTransport.providedBy(self.transport)

    def start(self) -> None:
        transport: Any = self.transport
        transport.startTLS(self._server.tls_context)


def tls_facts(transport: Any) -> TlsFacts | None:
    """Return how a Twisted transport is protected, or None where it is not."""
    if not ISSLTransport.providedBy(transport):
        return None
    handle = transport.getHandle()
    name = handle.get_servername()
    return TlsFacts(
        handle.get_protocol_version_name(),
        handle.get_cipher_name() or "",
        name.decode("ascii", "replace") if name else None,
    )
