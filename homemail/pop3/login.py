# SPDX-License-Identifier: MIT
"""The authorization state: STLS, USER and PASS, AUTH.

Source: RFC 1939 §4, RFC 2595 §4, RFC 5034 §4.
"""

from __future__ import annotations

import base64
from typing import Protocol, assert_never

from homemail.auth.api import Authenticated, Authenticator, Challenge, Denied, SaslExchange
from homemail.model.session import ChannelFacts
from homemail.pop3.capabilities import Announced, capabilities
from homemail.pop3.connection import Bad, Command
from homemail.pop3.dialogue import Dialogue
from homemail.pop3.language import answer_anywhere

_MD5_DIGITS = 32
_UNKNOWN = "Unknown command; log in with USER and PASS or with AUTH"


class Tls(Protocol):
    """What a connection knows of its protection."""

    def channel(self) -> ChannelFacts: ...

    @property
    def may_start_tls(self) -> bool:
        """TLS is not there yet, and could be."""

    def start_tls(self) -> None:
        """Begin TLS with the next octet in both directions."""


class Login:
    """One client that has not logged in yet; ``timeout`` in seconds."""

    def __init__(
        self,
        dialogue: Dialogue,
        tls: Tls,
        authenticator: Authenticator,
        *,
        timeout: float,
        announced: Announced,
    ) -> None:
        self._dialogue = dialogue
        self._tls = tls
        self._authenticator = authenticator
        self._timeout = timeout
        self._announced = announced
        self._timestamp: str | None = None
        self._name: str | None = None

    def greet(self, text: str) -> None:
        """Send the greeting, with a timestamp where a client may answer it by APOP."""
        self._timestamp = self._authenticator.apop_timestamp(self._tls.channel())
        self._dialogue.ok(f"{text} {self._timestamp}" if self._timestamp else text)

    async def run(self) -> Authenticated | None:
        """Return who logs in; None after QUIT. The answer to the login is still to be given."""
        while True:
            command = await self._dialogue.next_command(self._timeout)
            name, self._name = self._name, None
            match command.keyword:
                case "CAPA":
                    self._name = name
                    self._capa()
                case "USER":
                    self._user(command.argument)
                case "PASS":
                    if proven := await self._pass(name, command.argument):
                        return proven
                case "APOP":
                    if proven := await self._apop(command.argument):
                        return proven
                case "UTF8" | "LANG":
                    answer_anywhere(command, self._dialogue)
                case "AUTH":
                    if proven := await self._auth(command):
                        return proven
                case "STLS":
                    if not self._stls():
                        return None
                case "QUIT":
                    self._dialogue.ok("Goodbye")
                    return None
                case _:
                    self._dialogue.refuse(_UNKNOWN)

    def _capa(self) -> None:
        lines = capabilities(self.mechanisms(), self._announced, starttls=self._tls.may_start_tls)
        self._dialogue.lines("Capabilities follow", lines)

    def mechanisms(self) -> tuple[str, ...]:
        """Return the mechanisms that are offered on this connection now."""
        return self._authenticator.mechanisms(self._tls.channel())

    def _user(self, argument: bytes | None) -> None:
        if "PLAIN" not in self.mechanisms():
            self._dialogue.err("A password may only be sent under TLS", "AUTH")
            return
        try:
            self._name = (argument or b"").decode()
        except UnicodeDecodeError:
            self._name = None
        if self._name:
            self._dialogue.ok("Name taken, password please")
        else:
            self._dialogue.refuse("USER needs a name in UTF-8")

    async def _pass(self, name: str | None, argument: bytes | None) -> Authenticated | None:
        if not name:
            self._dialogue.refuse("USER comes first")
            return None
        channel = self._tls.channel()
        return self._answer(await self._authenticator.login(name, argument or b"", channel))

    async def _apop(self, argument: bytes | None) -> Authenticated | None:
        """Check ``NAME DIGEST``.

        Source: RFC 1939 §7.
        """
        name, _, digest = (argument or b"").rpartition(b" ")
        if self._timestamp is None:
            self._dialogue.refuse("APOP is not offered here")
            return None
        try:
            shown, hexadecimal = name.decode(), digest.decode("ascii")
        except UnicodeDecodeError:
            shown = ""
        if not shown or len(digest) != _MD5_DIGITS:
            self._dialogue.refuse("APOP needs a name and a digest")
            return None
        channel = self._tls.channel()
        proven = self._authenticator.apop(shown, hexadecimal, self._timestamp, channel)
        return self._answer(await proven)

    async def _auth(self, command: Command) -> Authenticated | None:
        words = (command.argument or b"").decode("ascii", "replace").split(" ")
        if not words[0]:
            # AUTH alone asks for the list, as clients before CAPA did.
            self._dialogue.lines("Mechanisms follow", list(self.mechanisms()))
            return None
        exchange = self._authenticator.begin(words[0], self._tls.channel())
        if exchange is None:
            self._dialogue.refuse("That mechanism is not offered here")
            return None
        if len(words) > 2:
            self._dialogue.refuse("AUTH takes a mechanism and one initial response")
            return None
        response: bytes | None = None
        if len(words) == 2:
            response = b"" if words[1] == "=" else _decode(words[1].encode())
            if response is None:
                self._dialogue.refuse("That is not base64")
                return None
        return await self._exchange(exchange, response)

    async def _exchange(
        self, exchange: SaslExchange, response: bytes | None
    ) -> Authenticated | None:
        while True:
            step = await exchange.step(response)
            if not isinstance(step, Challenge):
                break
            response = await self._ask(step.octets)
            if response is None:
                return None
        # Success cannot carry data here, so it goes as a challenge (RFC 5034 §4).
        final = step.final if isinstance(step, Authenticated) else b""
        if final and await self._ask(final) is None:
            return None
        return self._answer(step)

    async def _ask(self, octets: bytes) -> bytes | None:
        """Return the client's response, None after one that ends the exchange."""
        self._dialogue.challenge(base64.b64encode(octets).decode())
        line = await self._dialogue.next_response(self._timeout)
        if isinstance(line, Bad):
            self._dialogue.refuse(line.text)
            return None
        if line == b"*":
            self._dialogue.err("Authentication cancelled")
            return None
        response = _decode(line)
        if response is None:
            self._dialogue.refuse("That is not base64")
        return response

    def _answer(self, result: Authenticated | Denied) -> Authenticated | None:
        match result:
            case Authenticated():
                return result
            case Denied():
                self._dialogue.err(result.text, "SYS/TEMP" if result.temporary else "AUTH")
                return None
            case _:
                assert_never(result)

    def _stls(self) -> bool:
        """Begin TLS; False where the connection has to end."""
        if not self._tls.may_start_tls:
            self._dialogue.refuse("TLS cannot begin here")
            return True
        if self._dialogue.has_unread():
            # Somebody in between may have put commands there that would run inside TLS.
            self._dialogue.err("Nothing may follow STLS before TLS has begun")
            return False
        self._dialogue.ok("Begin TLS")
        self._tls.start_tls()
        return True


def _decode(text: bytes) -> bytes | None:
    try:
        return base64.b64decode(text, validate=True)
    except ValueError:
        return None
