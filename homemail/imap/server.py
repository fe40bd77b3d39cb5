# SPDX-License-Identifier: MIT
"""The shell of IMAP: Twisted connections, each with a task that goes through the states."""

from __future__ import annotations

from typing import Any

from homemail.auth.api import Authenticator
from homemail.config.imap import ImapSettings
from homemail.errors import MailError
from homemail.imap.extension import Vocabulary
from homemail.imap.extensions import EXTENSIONS
from homemail.imap.extensions.appendlimit import append_limit_extension
from homemail.imap.login import Login
from homemail.imap.session import Session
from homemail.imap.vocabulary import COMMANDS
from homemail.log import Log
from homemail.model.envelope import new_trace
from homemail.model.session import SessionStart
from homemail.store.lane import OpenMail
from homemail.stream import ServedStream, StreamEnd, StreamFactory

log = Log("imap")


class ImapFactory(StreamFactory):
    """Serves IMAP to whoever connects.

    ``tls_context`` is what ``transport.startTLS`` takes, or None where STARTTLS is not offered;
    implicit TLS is the listener's affair. ``append_limit`` is in octets, 0 is none.
    """

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
        super().__init__("imap", tls_context, settings.imap_client_connection_count_limit)
        self.authenticator = authenticator
        self.open_mail = open_mail
        self.settings = settings
        self.append_limit = append_limit
        self.server_name = server_name
        self.vocabulary = Vocabulary((*COMMANDS, *EXTENSIONS, append_limit_extension(append_limit)))

    def buildProtocol(self, addr: Any) -> ImapConnection:  # noqa: N802
        return ImapConnection(self)


class ImapConnection(ServedStream):
    """One connection."""

    def __init__(self, factory: ImapFactory) -> None:
        super().__init__(factory)
        self._server = factory

    async def serve(self) -> None:
        """Go through the states; the connection is closed at the end."""
        rest: bytes | None = None
        while True:
            login = self._login(rest or b"")
            farewell = ""
            try:
                session = await self._log_in(login, greet=rest is None)
            except StreamEnd as end:
                farewell, session = end.farewell, None
            except Exception:
                log.exception("login failed", client=self.peer.host)
                farewell, session = "Internal trouble", None
            if session is None:
                login.dialogue.end(farewell)
                return
            rest = await session.run()
            if rest is None:
                return

    def _login(self, unread: bytes) -> Login:
        server = self._server
        return Login(
            self.stream,
            self,
            server.authenticator,
            server.vocabulary,
            new_trace(),
            server_name=server.server_name,
            timeout=server.settings.imap_login_timeout,
            unread=unread,
        )

    async def _log_in(self, login: Login, *, greet: bool) -> Session | None:
        """Return the session of a client that has authenticated; None when it has logged out."""
        self.stream.set_deadline(self._server.settings.imap_login_timeout)
        if greet:
            login.greet()
        while start := await login.run():
            try:
                session = await self._open(start)
            except MailError as error:
                log.warning("cannot open", account=start.account, trace=start.trace, why=error)
                login.refuse(start, error)
            else:
                self.stream.set_deadline(None)
                return session
        return None

    async def _open(self, start: SessionStart) -> Session:
        server = self._server
        return Session(
            start,
            await server.open_mail(start),
            self.stream,
            server.vocabulary,
            idle_timeout=server.settings.imap_idle_timeout,
            append_limit=server.append_limit,
        )
