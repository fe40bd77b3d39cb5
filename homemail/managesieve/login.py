# SPDX-License-Identifier: MIT
"""The non-authenticated state: CAPABILITY, STARTTLS, AUTHENTICATE, NOOP, LOGOUT.

Source: RFC 5804 §2.
"""

from __future__ import annotations

import base64
from typing import Protocol, assert_never

from homemail.auth.api import Authenticated, Authenticator, Challenge, Denied, SaslExchange
from homemail.managesieve.capabilities import capability_lines
from homemail.managesieve.connection import Bad, Command
from homemail.managesieve.dialogue import Dialogue, string
from homemail.model.session import ChannelFacts

_LATER = frozenset(
    {
        *("HAVESPACE", "PUTSCRIPT", "LISTSCRIPTS", "SETACTIVE", "GETSCRIPT", "DELETESCRIPT"),
        *("RENAMESCRIPT", "CHECKSCRIPT", "UNAUTHENTICATE"),
    }
)
_CODES = {"PRIVACYREQUIRED": "ENCRYPT-NEEDED", "UNAVAILABLE": "TRYLATER"}


class Tls(Protocol):
    """What a connection knows of its protection."""

    def channel(self) -> ChannelFacts: ...

    @property
    def may_start_tls(self) -> bool:
        """TLS is not there yet, and could be."""

    def start_tls(self) -> None:
        """Begin TLS with the next octet in both directions."""

    async def tls_begun(self) -> None:
        """Wait until the handshake is over, or the client has left."""


class Login:
    """One client that has not logged in; ``timeout`` in seconds."""

    def __init__(
        self,
        dialogue: Dialogue,
        tls: Tls,
        authenticator: Authenticator,
        *,
        timeout: float,
        redirects: int,
    ) -> None:
        self._dialogue = dialogue
        self._tls = tls
        self._authenticator = authenticator
        self._timeout = timeout
        self._redirects = redirects

    def greet(self, text: str) -> None:
        """Send the capabilities and OK, as at the start and after STARTTLS."""
        lines = capability_lines(
            self._authenticator.mechanisms(self._tls.channel()),
            starttls=self._tls.may_start_tls,
            redirects=self._redirects,
        )
        for line in lines:
            self._dialogue.line(line)
        self._dialogue.ok(text)

    async def run(self) -> Authenticated | None:
        """Return who logs in; None after LOGOUT. The answer to the login is still to be given."""
        while True:
            command = await self._dialogue.next_command(self._timeout)
            match command:
                case Command("CAPABILITY", ()):
                    self.greet("Capabilities listed")
                case Command("STARTTLS", ()):
                    if not await self._start_tls():
                        return None
                case Command("AUTHENTICATE", (bytes(name),)):
                    if proven := await self._authenticate(name, None):
                        return proven
                case Command("AUTHENTICATE", (bytes(name), bytes(initial))):
                    if proven := await self._authenticate(name, initial):
                        return proven
                case _:
                    if answer_anywhere(command, self._dialogue):
                        return None

    async def _start_tls(self) -> bool:
        """Begin TLS; False where the connection has to end."""
        if not self._tls.may_start_tls:
            self._dialogue.refuse(Bad("TLS cannot begin here"))
            return True
        if self._dialogue.has_unread():
            # Somebody in between may have put commands there that would run inside TLS.
            self._dialogue.bye("Nothing may follow STARTTLS before TLS has begun")
            return False
        self._dialogue.ok("Begin TLS")
        self._tls.start_tls()
        await self._tls.tls_begun()
        self.greet("TLS has begun")
        return True

    async def _authenticate(self, name: bytes, initial: bytes | None) -> Authenticated | None:
        channel = self._tls.channel()
        exchange = self._authenticator.begin(name.decode("ascii", "replace").upper(), channel)
        if exchange is None:
            code = "" if channel.is_private else "ENCRYPT-NEEDED"
            self._dialogue.refuse(Bad("That mechanism is not offered here", code))
            return None
        response = None
        if initial is not None:
            response = _decode(initial)
            if response is None:
                self._dialogue.refuse(Bad("That is not base64"))
                return None
        return await self._exchange(exchange, response)

    async def _exchange(
        self, exchange: SaslExchange, response: bytes | None
    ) -> Authenticated | None:
        while True:
            step = await exchange.step(response)
            match step:
                case Authenticated():
                    return step
                case Denied():
                    self._deny(step)
                    return None
                case Challenge():
                    response = await self._ask(step.octets)
                    if response is None:
                        return None
                case _:
                    assert_never(step)

    def _deny(self, denied: Denied) -> None:
        code = "TRYLATER" if denied.temporary else _CODES.get(denied.code, "")
        self._dialogue.no(denied.text, code)

    async def _ask(self, octets: bytes) -> bytes | None:
        """Return the client's response, None after one that ends the exchange."""
        self._dialogue.line(string(base64.b64encode(octets)))
        line = await self._dialogue.next_response(self._timeout)
        if isinstance(line, Bad):
            self._dialogue.refuse(line)
            return None
        if line == b"*":
            self._dialogue.no("Authentication cancelled")
            return None
        response = _decode(line)
        if response is None:
            self._dialogue.refuse(Bad("That is not base64"))
        return response


def answer_anywhere(command: Command, dialogue: Dialogue) -> bool:
    """Answer a command that means the same in every state, or none; True after LOGOUT."""
    match command:
        case Command("LOGOUT", ()):
            dialogue.ok("Goodbye")
            return True
        case Command("NOOP", ()):
            dialogue.ok("Done")
        case Command("NOOP", (bytes(tag),)):
            dialogue.ok("Done", b"TAG " + string(tag))
        case Command(keyword) if keyword in _LATER:
            dialogue.refuse(Bad("Log in first, or mind the arguments"))
        case _:
            dialogue.refuse(Bad("Unknown command, or not with these arguments"))
    return False


def _decode(text: bytes) -> bytes | None:
    try:
        return base64.b64decode(text, validate=True)
    except ValueError:
        return None
