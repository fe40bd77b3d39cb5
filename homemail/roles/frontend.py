# SPDX-License-Identifier: MIT
"""The frontend: gives each listening socket to the shell of its protocol."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from homemail.auth.api import Authenticator
from homemail.config.settings import Settings
from homemail.imap.server import ImapFactory
from homemail.managesieve.server import ManageSieveFactory
from homemail.mta.smtp.server import SmtpService
from homemail.mta.transaction import Service, Transactions
from homemail.pop3.bulletins import Bulletins
from homemail.pop3.server import Pop3Factory
from homemail.roles.listeners import IMPLICIT_TLS, Listener
from homemail.roles.tls import TlsContexts
from homemail.sieve.scripts import OpenScripts
from homemail.store.lane import OpenMail

_SMTP_SERVICES = {
    "smtp": Service.SMTP,
    "lmtp": Service.LMTP,
    "submission": Service.SUBMISSION,
    "submissions": Service.SUBMISSION,
}


@dataclass(frozen=True, slots=True)
class Doors:
    """The other roles, as the frontend sees them."""

    authenticator: Authenticator
    open_mail: OpenMail
    open_scripts: OpenScripts
    transactions: Transactions


class Frontend:
    """Serves every protocol on the sockets it is given."""

    def __init__(self, settings: Settings, doors: Doors, tls: TlsContexts | None) -> None:
        self._settings = settings
        self._doors = doors
        self._tls = tls
        self._stop_listening: list[Callable[[], Any]] = []
        self._smtp_services: list[SmtpService] = []
        self._factories: dict[str, Any] = {}

    async def listen(self, listeners: Sequence[Listener]) -> None:
        """Take connections from now on; the sockets are the frontend's."""
        for service in dict.fromkeys(listener.service for listener in listeners):
            sockets = [one for one in listeners if one.service == service]
            if service in _SMTP_SERVICES:
                await self._listen_asyncio(service, sockets)
            else:
                self._listen_twisted(service, sockets)

    async def shutdown(self) -> None:
        """Take no more connections, let what is being accepted finish, end every session."""
        for stop in self._stop_listening:
            stop()
        shells = [*self._smtp_services, *self._factories.values()]
        await asyncio.gather(*(shell.shutdown() for shell in shells))

    async def _listen_asyncio(self, service: str, listeners: Sequence[Listener]) -> None:
        implicit = service in IMPLICIT_TLS
        shell = SmtpService(
            _SMTP_SERVICES[service],
            self._doors.transactions,
            self._doors.authenticator,
            self._settings.smtp,
            ssl_context=self._asyncio_context(service),
            implicit_tls=implicit,
            tls_required=self._level(service) == "encrypt",
            server_name=self._settings.site.myhostname,
        )
        self._smtp_services.append(shell)
        loop = asyncio.get_running_loop()
        context = self._tls.asyncio if self._tls and implicit else None
        for listener in listeners:
            server = await loop.create_server(shell.protocol, sock=listener.socket, ssl=context)
            self._stop_listening.append(server.close)

    def _listen_twisted(self, service: str, listeners: Sequence[Listener]) -> None:
        from twisted.internet import reactor
        from twisted.protocols.tls import TLSMemoryBIOFactory

        shell = self._shared(service.removesuffix("s"))
        factory = shell
        if self._tls and service in IMPLICIT_TLS:
            context = self._tls.twisted(service.removesuffix("s"))
            factory = TLSMemoryBIOFactory(context, False, shell)
        for listener in listeners:
            one = listener.socket
            port = reactor.adoptStreamPort(one.fileno(), one.family, factory)
            self._stop_listening.append(port.stopListening)
            one.close()

    def _shared(self, protocol: str) -> Any:
        """Return the one factory of a protocol: its limits and locks count over all its ports."""
        if protocol not in self._factories:
            factory = self._access_factory(protocol)
            factory.tls_required = self._level(protocol) == "encrypt"
            self._factories[protocol] = factory
        return self._factories[protocol]

    def _level(self, service: str) -> str:
        """Return how much TLS a service asks for; where it comes first that is no question."""
        return "may" if service in IMPLICIT_TLS else self._settings.tls.level(service)

    def _asyncio_context(self, service: str) -> ssl.SSLContext | None:
        return self._tls.asyncio if self._tls and self._level(service) != "none" else None

    def _bulletins(self) -> Bulletins | None:
        directory = self._settings.pop3.pop3_bulletin_directory
        state = self._settings.site.data_directory / "bulletins"
        return Bulletins(directory, state) if directory else None

    def _access_factory(self, protocol: str) -> Any:
        settings, doors = self._settings, self._doors
        tls = self._tls.twisted(protocol) if self._tls and self._level(protocol) != "none" else None
        name = settings.site.myhostname
        if protocol == "imap":
            return ImapFactory(
                doors.authenticator,
                doors.open_mail,
                settings.imap,
                tls_context=tls,
                append_limit=settings.smtp.message_size_limit,
                server_name=name,
            )
        if protocol == "pop3":
            return Pop3Factory(
                doors.authenticator,
                doors.open_mail,
                settings.pop3,
                tls_context=tls,
                server_name=name,
                bulletins=self._bulletins(),
            )
        return ManageSieveFactory(
            doors.authenticator,
            doors.open_scripts,
            settings.sieve,
            tls_context=tls,
            server_name=name,
        )
