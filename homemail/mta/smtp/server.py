# SPDX-License-Identifier: MIT
"""One service (SMTP, submission or LMTP) over all its connections: counts, limits, shutdown."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections import Counter

from homemail.auth.api import Authenticator
from homemail.config.smtp import SmtpSettings
from homemail.log import Log
from homemail.model.reply import Reply
from homemail.model.session import Peer
from homemail.mta.smtp.connection import SmtpConnection
from homemail.mta.smtp.rates import Event
from homemail.mta.transaction import Service, Transactions

_log = Log("smtpd")

_LAST_WORDS = 0.2  # seconds for the 421 to those whose message does not end


class SmtpService:
    """One of the services, over all its connections."""

    def __init__(
        self,
        kind: Service,
        transactions: Transactions,
        authenticator: Authenticator | None,
        settings: SmtpSettings,
        *,
        ssl_context: ssl.SSLContext | None = None,
        implicit_tls: bool = False,
        tls_required: bool = False,
        server_name: str,
    ) -> None:
        """Take what the connections need.

        ``ssl_context`` is for STARTTLS; with ``implicit_tls`` the listener does TLS
        (``loop.create_server(service.protocol, ssl=context)``) and STARTTLS is not offered. With
        ``tls_required`` nothing else is served before it.
        """
        self.kind = kind
        self.transactions = transactions
        self.settings = settings
        self.server_name = server_name
        self.authenticator = authenticator
        self.ssl_context = None if implicit_tls else ssl_context
        self.tls_required = tls_required
        self.is_closing = False
        self._connections: set[SmtpConnection] = set()
        self._per_host: Counter[str] = Counter()
        self._all_left = asyncio.Event()

    def protocol(self) -> SmtpConnection:
        """Return the protocol of a new connection: the factory for ``loop.create_server``."""
        return SmtpConnection(self)

    async def shutdown(self, seconds: float = 1.5) -> None:
        """Say 421 to everybody; what is being accepted has ``seconds`` to finish."""
        self.is_closing = True
        for connection in list(self._connections):
            connection.ask_to_leave()
        if await self._is_empty_within(seconds):
            return
        for connection in list(self._connections):
            connection.break_off()
        if await self._is_empty_within(_LAST_WORDS):
            return
        for connection in list(self._connections):
            connection.cut()

    async def _is_empty_within(self, seconds: float) -> bool:
        if self._connections:
            self._all_left.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._all_left.wait(), seconds)
        return not self._connections

    def admit(self, connection: SmtpConnection, peer: Peer) -> Reply | None:
        """Count a new connection; return the reply where there are too many already."""
        hostname = self.server_name
        if self.is_closing:
            return Reply(421, "4.3.2", f"{hostname} Service shutting down")
        rates = self.transactions.rates
        limit = self.settings.smtpd_client_connection_count_limit
        if 0 < limit <= self._per_host[peer.host] and not rates.is_trusted(peer):
            _log.warning("too many connections", client=peer)
            return Reply(421, "4.7.0", f"{hostname} Error: too many connections from {peer.host}")
        if rates.is_over(Event.CONNECTION, peer):
            return Reply(421, "4.7.0", f"{hostname} Error: too many connections from {peer.host}")
        if len(self._connections) >= self.settings.smtpd_connection_limit:
            _log.warning("too many connections in all", client=peer)
            return Reply(421, "4.3.2", f"{hostname} Error: too many connections")
        self._connections.add(connection)
        self._per_host[peer.host] += 1
        return None

    def leave(self, connection: SmtpConnection, peer: Peer) -> None:
        """Count a connection that ended."""
        if connection in self._connections:
            self._connections.discard(connection)
            self._per_host[peer.host] -= 1
            if not self._per_host[peer.host]:
                del self._per_host[peer.host]
        if not self._connections:
            self._all_left.set()
