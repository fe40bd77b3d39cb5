# SPDX-License-Identifier: MIT
"""The shell: Twisted connections, each with a task that goes through the states."""

from __future__ import annotations

import base64
from typing import Any

from homemail.auth.api import Authenticated, Authenticator
from homemail.config.sieve import SieveSettings
from homemail.errors import MailError
from homemail.log import Log
from homemail.managesieve.dialogue import Dialogue, string
from homemail.managesieve.login import Login
from homemail.managesieve.session import Session, code_for
from homemail.model.envelope import new_trace
from homemail.model.session import AccessProtocol, SessionStart
from homemail.sieve.scripts import OpenScripts
from homemail.stream import ServedStream, StreamEnd, StreamFactory

log = Log("managesieve")


class ManageSieveFactory(StreamFactory):
    """Serves ManageSieve to whoever connects.

    ``tls_context`` is what ``transport.startTLS`` takes, or None where STARTTLS is not offered.
    """

    def __init__(
        self,
        authenticator: Authenticator,
        open_scripts: OpenScripts,
        settings: SieveSettings,
        *,
        tls_context: Any,
        server_name: str,
    ) -> None:
        limit = settings.managesieve_client_connection_count_limit
        super().__init__("managesieve", tls_context, limit)
        self.authenticator = authenticator
        self.open_scripts = open_scripts
        self.settings = settings
        self.server_name = server_name

    def buildProtocol(self, addr: Any) -> ManageSieveProtocol:  # noqa: N802
        return ManageSieveProtocol(self)


class ManageSieveProtocol(ServedStream):
    """One connection."""

    def __init__(self, factory: ManageSieveFactory) -> None:
        super().__init__(factory)
        self._server = factory
        self._settings = factory.settings
        self._dialogue: Dialogue

    async def serve(self) -> None:
        """Go through the states; the connection is closed at the end."""
        self._dialogue = Dialogue(self.stream)
        try:
            if self.is_one_too_many():
                self._dialogue.bye("Too many connections from your address", "TRYLATER")
            else:
                await self._converse()
        except StreamEnd as end:
            if end.farewell:
                self._dialogue.bye(end.farewell)
        except Exception:
            log.exception("a connection failed", peer=self.peer)
            self._dialogue.bye("Internal trouble, try again later", "TRYLATER")
        finally:
            self.stream.close()

    async def _converse(self) -> None:
        timeout = self._settings.managesieve_login_timeout
        login = Login(
            self._dialogue,
            self,
            self._server.authenticator,
            timeout=timeout,
            redirects=self._settings.sieve_max_redirects,
        )
        self.stream.set_deadline(timeout)
        login.greet(f"{self._server.server_name} homemail ready")
        while proven := await login.run():
            if not await self._serve_account(proven):
                return
            self.stream.set_deadline(timeout)

    async def _serve_account(self, proven: Authenticated) -> bool:
        """Serve a whole session; True when the client may log in (again)."""
        channel = self.channel()
        start = SessionStart(
            AccessProtocol.MANAGESIEVE, proven.account.id, proven.ticket, channel, new_trace()
        )
        try:
            scripts = await self._server.open_scripts(start)
        except MailError as error:
            log.warning("cannot open", user=start.account, trace=start.trace, why=error)
            self._dialogue.no(error.text, code_for(error))
            return True
        self._dialogue.ok("Logged in", _sasl(proven.final))
        self.stream.set_deadline(None)
        mechanisms = self._server.authenticator.mechanisms(channel)
        session = Session(self._dialogue, start, scripts, self._settings, mechanisms=mechanisms)
        return await session.run()


def _sasl(final: bytes) -> bytes:
    """Return the response code that brings the mechanism's last octets (RFC 5804 §1.3)."""
    return b"SASL " + string(base64.b64encode(final)) if final else b""
