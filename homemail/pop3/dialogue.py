# SPDX-License-Identifier: MIT
"""Commands in, answers out: one connection as both states of the protocol use it."""

from __future__ import annotations

from homemail.pop3.connection import Bad, Command, Connection
from homemail.stream import Stream

_MOST_BAD_COMMANDS = 20


class TooManyErrors(Exception):
    """The client sends nothing that makes sense."""


class Dialogue:
    """One client's stream as commands and answers."""

    def __init__(self, stream: Stream) -> None:
        self.stream = stream
        self._connection = Connection()
        self._bad = 0

    async def next_command(self, seconds: float) -> Command:
        """Return the next command; lines that are none are answered here.

        Raises:
            StreamEnd: the client left or was silent for ``seconds``.
            TooManyErrors: it sent too many lines that are no command.
        """
        while True:
            await self.stream.drain()
            while (command := self._connection.next_command()) is None:
                self._connection.receive(await self.stream.read(seconds))
            if isinstance(command, Command):
                return command
            self.refuse(command.text)

    async def next_response(self, seconds: float) -> bytes | Bad:
        """Return the next line within AUTH."""
        await self.stream.drain()
        while (response := self._connection.next_response()) is None:
            self._connection.receive(await self.stream.read(seconds))
        return response

    def ok(self, text: str) -> None:
        """Answer ``+OK text``."""
        self.stream.write(f"+OK {text}\r\n".encode())

    def err(self, text: str, code: str = "") -> None:
        """Answer ``-ERR [code] text``."""
        self.stream.write(f"-ERR {f'[{code}] ' if code else ''}{text}\r\n".encode())

    def refuse(self, text: str) -> None:
        """Answer a command that makes no sense here.

        Raises:
            TooManyErrors: this was one too many.
        """
        self.err(text)
        self._bad += 1
        if self._bad >= _MOST_BAD_COMMANDS:
            raise TooManyErrors

    def challenge(self, text: str) -> None:
        """Ask for a response within AUTH."""
        self.stream.write(f"+ {text}\r\n".encode())

    def lines(self, text: str, lines: list[str]) -> None:
        """Answer ``+OK text`` and ``lines``, none of which begins with a dot."""
        self.stream.write("\r\n".join([f"+OK {text}", *lines, ".\r\n"]).encode())

    def has_unread(self) -> bool:
        """Return whether the client sent more than was taken."""
        return not self._connection.is_empty() or len(self.stream) > 0
