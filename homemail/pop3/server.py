# SPDX-License-Identifier: MIT
"""The shell of POP3: Twisted connections, each with a task that goes through the states."""

from __future__ import annotations

import asyncio
import math
from typing import Any

from homemail.auth.api import Authenticated, Authenticator
from homemail.config.pop3 import Pop3Settings
from homemail.errors import LockTimeout, MailError
from homemail.log import Log
from homemail.model.envelope import new_trace
from homemail.model.session import AccessProtocol, SessionStart
from homemail.pop3.bulletins import Bulletins
from homemail.pop3.capabilities import Announced
from homemail.pop3.dialogue import Dialogue, TooManyErrors
from homemail.pop3.exclusive import MaildropLocks
from homemail.pop3.login import Login
from homemail.pop3.policy import Keeping, LoginDelay
from homemail.pop3.session import HouseRules, Session, code_for
from homemail.pop3.unique_ids import parse_format
from homemail.store.lane import OpenMail
from homemail.stream import ServedStream, StreamEnd, StreamFactory

log = Log("pop3")


class Pop3Factory(StreamFactory):
    """Serves POP3 to whoever connects.

    ``tls_context`` is what ``transport.startTLS`` takes, or None where STLS is not offered;
    implicit TLS is the listener's affair. One factory may serve several listeners.
    """

    def __init__(
        self,
        authenticator: Authenticator,
        open_mail: OpenMail,
        settings: Pop3Settings,
        *,
        tls_context: Any,
        server_name: str,
        bulletins: Bulletins | None = None,
    ) -> None:
        super().__init__("pop3", tls_context, settings.pop3_client_connection_count_limit)
        self.authenticator = authenticator
        self.open_mail = open_mail
        self.settings = settings
        self.server_name = server_name
        self.locks = MaildropLocks()
        self.delay = LoginDelay(settings.pop3_login_delay)
        keeping = Keeping.of(settings)
        self.house = HouseRules(
            keeping,
            Announced(keeping.expire, math.ceil(settings.pop3_login_delay)),
            parse_format(settings.pop3_uidl_format),
            settings.pop3_reuse_xuidl,
            settings.pop3_mark_seen,
            bulletins,
        )

    def buildProtocol(self, addr: Any) -> Pop3Connection:  # noqa: N802
        return Pop3Connection(self)


class Pop3Connection(ServedStream):
    """One connection."""

    def __init__(self, factory: Pop3Factory) -> None:
        super().__init__(factory)
        self._server = factory
        self._settings = factory.settings
        self._dialogue: Dialogue

    async def serve(self) -> None:
        """Go through the states; the connection is closed at the end."""
        self._dialogue = Dialogue(self.stream)
        try:
            if self.is_one_too_many():
                self._dialogue.err("Too many connections from your address", "SYS/TEMP")
            else:
                await self._converse()
        except (StreamEnd, TooManyErrors):
            pass  # no farewell in POP3: it would be taken for the answer to the next command
        except Exception:
            log.exception("a connection failed", peer=self.peer)
            self._dialogue.err("Internal trouble, try again later", "SYS/TEMP")
        finally:
            self.stream.close()

    async def _converse(self) -> None:
        timeout = self._settings.pop3_login_timeout
        self.stream.set_deadline(timeout)
        login = Login(
            self._dialogue,
            self,
            self._server.authenticator,
            timeout=timeout,
            announced=self._server.house.announced,
        )
        login.greet(f"{self._server.server_name} homemail ready")
        while proven := await login.run():
            if await self._serve_account(proven, login.mechanisms()):
                return

    async def _serve_account(self, proven: Authenticated, mechanisms: tuple[str, ...]) -> bool:
        """Serve a whole session; False when it could not begin, and the client may log in again."""
        start = SessionStart(
            AccessProtocol.POP3, proven.account.id, proven.ticket, self.channel(), new_trace()
        )
        if not self._server.delay.admits(start.account, asyncio.get_running_loop().time()):
            self._dialogue.err("You were here a moment ago, come back later", "LOGIN-DELAY")
            return False
        try:
            mail = await self._server.open_mail(start)
            session = Session(
                self._dialogue,
                start,
                mail,
                self._server.house,
                mechanisms=mechanisms,
                timeout=self._settings.pop3_idle_timeout,
            )
            async with self._server.locks.held(start.account, self._settings.pop3_lock_timeout):
                self.stream.set_deadline(None)
                await session.run()
        except LockTimeout:
            self._dialogue.err("Another session has this mail open", "IN-USE")
            return False
        except MailError as error:
            log.warning("cannot open", user=start.account, trace=start.trace, why=error)
            self._dialogue.err(error.text, code_for(error))
            return False
        return True
