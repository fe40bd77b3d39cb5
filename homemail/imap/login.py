# SPDX-License-Identifier: MIT
"""The state before authentication: from the greeting to ``SessionStart``.

Source: RFC 3501 §6.1, RFC 3501 §6.2.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

from homemail.auth.api import Authenticated, Authenticator, Challenge, Denied
from homemail.errors import MailError
from homemail.imap.commands.identify import parse_id, server_id
from homemail.imap.connection import BEFORE_LOGIN, Bad, Connection, RawCommand, TooMuch
from homemail.imap.dialogue import Dialogue, Hangup
from homemail.imap.extension import Vocabulary
from homemail.imap.grammar import Scanner, SyntaxTrouble
from homemail.imap.response import Tagged, bad, no, ok
from homemail.imap.session import status_for
from homemail.imap.spool import FileSpool
from homemail.log import Log
from homemail.model.envelope import TraceId
from homemail.model.session import AccessProtocol, ChannelFacts, SessionStart
from homemail.stream import Stream

MISTAKES = 10
"""Wrong commands and failed logins after which a client is cut off."""

log = Log("imap")


class Tls(Protocol):
    """What the shell does and knows about TLS."""

    def channel(self) -> ChannelFacts:
        """Return how the connection is protected now."""

    @property
    def may_start_tls(self) -> bool:
        """Whether STARTTLS is offered: there is a certificate, and no TLS yet."""

    def start_tls(self) -> None:
        """Begin TLS with the next octet."""

    def is_one_too_many(self) -> bool:
        """Whether this client has more connections than one may have."""


@dataclass(frozen=True, slots=True)
class Proven:
    """A login that succeeded, and the tag that waits for its answer."""

    tag: bytes
    proof: Authenticated


class Login:
    """A client that has not authenticated yet."""

    def __init__(
        self,
        stream: Stream,
        tls: Tls,
        authenticator: Authenticator,
        vocabulary: Vocabulary,
        trace: TraceId,
        *,
        server_name: str,
        timeout: float,
        unread: bytes = b"",
    ) -> None:
        self._stream = stream
        self._tls = tls
        self._authenticator = authenticator
        self._vocabulary = vocabulary
        self._trace = trace
        self._server_name = server_name
        self._connection = Connection(BEFORE_LOGIN, FileSpool, unread)
        self.dialogue = Dialogue(stream, self._connection, timeout)
        self._timeout = timeout
        self._mistakes = 0
        self._finished = False
        self._proven: Proven | None = None

    def greet(self) -> None:
        """Send the greeting; a client that has too many connections gets none.

        Raises:
            StreamEnd: it is one connection too many.
        """
        if self._tls.is_one_too_many():
            raise Hangup("Too many connections from your address")
        line = b"* OK [CAPABILITY %b] %b homemail ready\r\n"
        self.dialogue.send(line % (self._capabilities(), self._server_name.encode("idna")))

    async def run(self) -> SessionStart | None:
        """Return an authenticated client, or None when it has logged out.

        Raises:
            StreamEnd: the connection is to end.
        """
        while not self._finished:
            event = await self.dialogue.next_event()
            match event:
                case RawCommand():
                    await self._answer(event)
                case TooMuch(tag, error):
                    self._say(status_for(error), tag)
                case Bad(tag, text):
                    self._say(bad(text), tag or b"*")
            if self._proven:
                return self._start(self._proven)
        return None

    def refuse(self, start: SessionStart, error: MailError) -> None:
        """Answer a login that was right but cannot be served; the client may try again."""
        self._connection = Connection(BEFORE_LOGIN, FileSpool, start.unread)
        self.dialogue = Dialogue(self._stream, self._connection, self._timeout)
        self._proven = None
        self._say(status_for(error), start.tag)

    def _start(self, proven: Proven) -> SessionStart:
        self.dialogue.flush()
        return SessionStart(
            AccessProtocol.IMAP,
            proven.proof.account.id,
            proven.proof.ticket,
            self._tls.channel(),
            self._trace,
            proven.tag,
            self._connection.take_rest(),
        )

    def _capabilities(self) -> bytes:
        channel = self._tls.channel()
        words = [b"IMAP4rev1", *self._vocabulary.early_capabilities]
        if self._tls.may_start_tls:
            words.append(b"STARTTLS")
        if not channel.is_private:
            words.append(b"LOGINDISABLED")
        for mechanism in self._authenticator.mechanisms(channel):
            words.append(b"AUTH=" + mechanism.encode("ascii"))
        return b" ".join(words)

    def _say(self, answer: Tagged, tag: bytes) -> None:
        self.dialogue.send(answer.line(tag))
        if answer.kind != b"OK":
            self._mistakes += 1
            if self._mistakes > MISTAKES:
                raise Hangup("Too many mistakes")

    async def _answer(self, raw: RawCommand) -> None:
        handlers: dict[bytes, Callable[[RawCommand, Scanner], Awaitable[Tagged | None]]] = {
            b"CAPABILITY": self._capability,
            b"NOOP": self._noop,
            b"LOGOUT": self._logout,
            b"ID": self._id,
            b"STARTTLS": self._starttls,
            b"LOGIN": self._login,
            b"AUTHENTICATE": self._authenticate,
        }
        handle = handlers.get(raw.name)
        if handle is None:
            known = raw.name in self._vocabulary.grammar
            self._say(bad("Log in first" if known else "Unknown command"), raw.tag)
            return
        try:
            answer = await handle(raw, Scanner(raw, self._vocabulary))
        except SyntaxTrouble as trouble:
            answer = bad(trouble.text)
        except MailError as error:  # the accounts cannot be asked
            log.warning("login failed", trace=self._trace, text=error.text, cause=error.__cause__)
            answer = status_for(error)
        if answer is not None:
            self._say(answer, raw.tag)

    async def _capability(self, raw: RawCommand, scanner: Scanner) -> Tagged:
        scanner.end()
        self.dialogue.send(b"* CAPABILITY %b\r\n" % self._capabilities())
        return ok("Capabilities listed")

    async def _noop(self, raw: RawCommand, scanner: Scanner) -> Tagged:
        scanner.end()
        return ok("Nothing done")

    async def _logout(self, raw: RawCommand, scanner: Scanner) -> Tagged:
        scanner.end()
        self._finished = True
        self.dialogue.send(b"* BYE Logging out\r\n")
        return ok("Logged out")

    async def _id(self, raw: RawCommand, scanner: Scanner) -> Tagged:
        parse_id(scanner)
        scanner.end()
        self.dialogue.send(server_id())
        return ok("Identified")

    async def _starttls(self, raw: RawCommand, scanner: Scanner) -> Tagged | None:
        scanner.end()
        if not self._tls.may_start_tls:
            return bad("TLS cannot be started here")
        self.dialogue.must_be_empty("STARTTLS")
        self._connection.start_tls()
        self._say(ok("Begin TLS now"), raw.tag)
        self.dialogue.flush()
        self._tls.start_tls()
        return None

    # --- passwords

    async def _login(self, raw: RawCommand, scanner: Scanner) -> Tagged | None:
        scanner.space()
        name = scanner.text()
        scanner.space()
        password = scanner.astring()
        scanner.end()
        channel = self._tls.channel()
        if not channel.is_private:
            return no("Use TLS for a password", b"PRIVACYREQUIRED")
        return self._settle(raw.tag, await self._authenticator.login(name, password, channel))

    async def _authenticate(self, raw: RawCommand, scanner: Scanner) -> Tagged | None:
        scanner.space()
        mechanism = scanner.word().decode("ascii")
        response = _initial_response(scanner)
        scanner.end()
        channel = self._tls.channel()
        exchange = self._authenticator.begin(mechanism, channel)
        if exchange is None:
            if not channel.is_private and mechanism in ("PLAIN", "LOGIN"):
                return no("Use TLS for a password", b"PRIVACYREQUIRED")
            return no("The mechanism is not offered here", b"CANNOT")
        step = await exchange.step(response)
        while isinstance(step, Challenge):
            step = await exchange.step(await self._ask(step.octets))
        if isinstance(step, Authenticated) and step.final:
            await self._ask(step.final)
        return self._settle(raw.tag, step)

    async def _ask(self, challenge: bytes) -> bytes:
        """Send a challenge and return the client's response.

        Source: RFC 3501 §6.2.2.
        """
        self.dialogue.send(b"+ %b\r\n" % base64.b64encode(challenge))
        line = (await self.dialogue.read_line(self._timeout)).octets
        if line is None:
            raise SyntaxTrouble("The line is too long")
        if line == b"*":
            raise SyntaxTrouble("Authentication cancelled")
        return _decode(line)

    def _settle(self, tag: bytes, step: Authenticated | Denied) -> Tagged | None:
        match step:
            case Authenticated():
                self._proven = Proven(tag, step)
                log.info(
                    "login",
                    trace=self._trace,
                    account=step.account.id,
                    mechanism=step.mechanism,
                    client=self._tls.channel().peer.host,
                )
                return None
            case Denied():
                return no(step.text, step.code.encode("ascii"))


def _initial_response(scanner: Scanner) -> bytes | None:
    """Read the response that may follow the mechanism's name (RFC 4959 §3)."""
    if not scanner.accept(b" "):
        return None
    if scanner.accept(b"="):
        return b""
    return _decode(scanner.astring())


def _decode(text: bytes) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error:
        raise SyntaxTrouble("Expected base64") from None
