# SPDX-License-Identifier: MIT
"""Commands in, answers out: one connection as both states of the protocol use it."""

from __future__ import annotations

from homemail.managesieve.connection import Bad, Command, Connection
from homemail.stream import Stream, StreamEnd

LOGIN_LITERAL_OCTETS = 16_384  # base64 of a SASL response; more before the login is an attack
_QUOTED_OCTETS = 1024  # RFC 5804 §4
_MOST_BAD_COMMANDS = 20


class TooManyErrors(StreamEnd):
    """The client sends nothing that makes sense."""

    farewell = "Too many errors"


class Hopeless(StreamEnd):
    """The two sides are no longer in step."""

    farewell = "That cannot be understood"


def string(value: str | bytes) -> bytes:
    """Return a string as the client reads it: quoted, or a literal where it must be."""
    octets = value.encode("utf-8", "replace") if isinstance(value, str) else value
    if len(octets) > _QUOTED_OCTETS or any(octet in octets for octet in b"\r\n\0"):
        return b"{%d}\r\n%b" % (len(octets), octets)
    return b'"' + octets.replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'"'


class Dialogue:
    """One client's stream as commands and answers."""

    def __init__(self, stream: Stream) -> None:
        self.stream = stream
        self._connection = Connection(LOGIN_LITERAL_OCTETS)
        self._bad = 0

    def set_literal_limit(self, octets: int) -> None:
        """Take literals of at most ``octets`` from now on."""
        self._connection.literal_octets = octets

    async def next_command(self, seconds: float) -> Command:
        """Return the next command; what is none is answered here.

        Raises:
            StreamEnd: the client left, was silent for ``seconds``, or sends rubbish.
        """
        while True:
            await self.stream.drain()
            while (command := self._connection.next_command()) is None:
                self._connection.receive(await self.stream.read(seconds))
            if isinstance(command, Command):
                return command
            self.refuse(command)

    async def next_response(self, seconds: float) -> bytes | Bad:
        """Return the next string within AUTHENTICATE."""
        await self.stream.drain()
        while (response := self._connection.next_response()) is None:
            self._connection.receive(await self.stream.read(seconds))
        return response

    def ok(self, text: str, code: bytes = b"") -> None:
        """Answer ``OK (code) "text"``."""
        self._answer(b"OK", text, code)

    def no(self, text: str, code: str = "") -> None:
        """Answer ``NO (code) "text"``."""
        self._answer(b"NO", text, code.encode())

    def bye(self, text: str, code: str = "") -> None:
        """Say ``BYE (code) "text"``: the connection is closed after it."""
        self._answer(b"BYE", text, code.encode())

    def refuse(self, bad: Bad) -> None:
        """Answer a command that makes no sense here.

        Raises:
            StreamEnd: it is hopeless, or this was one too many.
        """
        if bad.fatal:
            raise Hopeless
        self._bad += 1
        if self._bad >= _MOST_BAD_COMMANDS:
            raise TooManyErrors
        self.no(bad.text, bad.code)

    def line(self, *words: bytes) -> None:
        """Send a line of data."""
        self.stream.write(b" ".join(words) + b"\r\n")

    def _answer(self, word: bytes, text: str, code: bytes) -> None:
        self.line(word, *([b"(" + code + b")"] if code else []), string(text))

    def has_unread(self) -> bool:
        """Return whether the client sent more than was taken."""
        return not self._connection.is_empty() or len(self.stream) > 0
