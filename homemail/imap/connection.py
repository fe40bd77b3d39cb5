# SPDX-License-Identifier: MIT
"""The core of an IMAP connection: octets in, whole commands out. No IO.

Invariants:

- One command at a time: after a command (or a ``Bad``, ``TooMuch``, ``Line``) nothing more is taken
  from the buffer until ``resume`` or ``expect_line`` is called, so commands that were pipelined
  run in order and each under the limits of its own state.
- The octets of a literal are never taken for commands, wanted or not: what cannot be accepted is
  passed over to its end, or the connection ends.
- What came before TLS is not there after it (``start_tls``).

Source: RFC 3501 §2.2.1, RFC 3501 §4.3, RFC 7888 §3.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from homemail.errors import MailError, MessageTooBig, PeerError
from homemail.model.message import MemoryContent, MessageContent
from homemail.wire import LineTooLong, WireBuffer

SPOOL_ABOVE = 64 * 1024
"""Octets up to which a literal is held in memory."""

IN_MEMORY = 1024 * 1024
"""Octets up to which the literals of one command are held in memory together."""

LINE = 256 * 1024
"""Octets of a line after login: real clients send sets of 170 KB."""

NO_LIMIT = 2**63
MOST_LITERALS = 10_000
MOST_MESSAGES = 4
"""How many messages of the largest size one command may bring (or more, smaller ones)."""

_LITERAL = re.compile(rb"(~?)\{([0-9]{1,20})(\+?)\}\Z")
_START = re.compile(
    rb"([^\x00-\x20\x7f-\xff(){%*\"\\+]{1,200}) (UID )?([A-Za-z0-9]+)", re.IGNORECASE
)
_TAG = re.compile(rb"[^\x00-\x20\x7f-\xff(){%*\"\\+]{1,200}(?= )")


@dataclass(frozen=True, slots=True)
class Limits:
    """What a client may send, in octets.

    ``command`` counts lines and literals together, but for those of the commands in
    ``message_commands``, each of which may have ``message``.
    """

    line: int
    command: int
    message: int = 0
    message_commands: frozenset[bytes] = frozenset()
    may_pass_over: bool = True


BEFORE_LOGIN = Limits(line=8192, command=8192, may_pass_over=False)


def after_login(append_limit: int, message_commands: frozenset[bytes]) -> Limits:
    """Return the limits for a client that has authenticated; an ``append_limit`` of 0 is none."""
    return Limits(LINE, 1024 * 1024, append_limit or NO_LIMIT, message_commands)


@dataclass(frozen=True, slots=True)
class Literal:
    """A literal; ``binary`` where it was announced by ``~{`` (literal8)."""

    content: MessageContent
    binary: bool = False


@dataclass(frozen=True, slots=True)
class RawCommand:
    """A whole command: ``lines[n]`` ends in the announcement of ``literals[n]``.

    ``name`` is in upper case, with ``UID`` in front where it was; arguments begin at ``start`` of
    the first line.
    """

    tag: bytes
    name: bytes
    start: int
    lines: tuple[bytes, ...]
    literals: tuple[Literal, ...] = ()


@dataclass(frozen=True, slots=True)
class Continue:
    """Tell the client to go on with a literal."""


@dataclass(frozen=True, slots=True)
class Bad:
    """A syntax error; without ``tag`` where there was none to be read."""

    tag: bytes | None
    text: str


@dataclass(frozen=True, slots=True)
class TooMuch:
    """A command that cannot be taken; its literal was refused or passed over."""

    tag: bytes
    error: MailError


@dataclass(frozen=True, slots=True)
class Line:
    """The line that ``expect_line`` asked for; None when it was too long."""

    octets: bytes | None


@dataclass(frozen=True, slots=True)
class Fatal:
    """The stream cannot be understood any further: say BYE and close."""

    text: str


Event = RawCommand | Continue | Bad | TooMuch | Line | Fatal


class Spool(Protocol):
    """Where the large literals of one command go, one after the other."""

    def write(self, data: bytes) -> None:
        """Keep more octets. Raises ``Temporary``."""

    def content(self) -> MessageContent:
        """Return what was written since the last call."""


class _Passing:
    """A spool that keeps nothing."""

    def write(self, data: bytes) -> None: ...

    def content(self) -> MessageContent:
        return MemoryContent(b"")


class Connection:
    """The server's end of one IMAP stream. ``unread`` came before, to another core."""

    def __init__(self, limits: Limits, new_spool: Callable[[], Spool], unread: bytes = b"") -> None:
        self.limits = limits
        self._new_spool = new_spool
        self._wire = WireBuffer()
        self._wire.feed(unread)
        self._held = False
        self._wants_line = False
        self._reset()

    def __len__(self) -> int:
        """Octets that came and were not taken yet."""
        return len(self._wire)

    def _reset(self) -> None:
        self._lines: list[bytes] = []
        self._literals: list[Literal] = []
        self._octets = 0
        self._message_octets = 0
        self._in_memory = 0
        self._file: Spool | None = None
        self._trouble: Bad | TooMuch | None = None
        self._missing = 0
        self._binary = False
        self._spool: Spool | None = None

    def receive(self, data: bytes) -> list[Event]:
        """Take octets; return what they complete: at most one command, after any ``Continue``."""
        self._wire.feed(data)
        return self._advance()

    def resume(self) -> list[Event]:
        """Go on after the command that was returned last has been answered."""
        self._held = False
        return self._advance()

    def expect_line(self) -> list[Event]:
        """Take the next line as it is: DONE, or a response of SASL."""
        self._wants_line = True
        return self.resume()

    def start_tls(self) -> None:
        """Begin anew under TLS.

        Raises:
            PeerError: octets came behind STARTTLS in the clear: somebody put them there.

        Source: RFC 3501 §6.2.1.
        """
        if len(self._wire):
            raise PeerError("Octets behind STARTTLS")
        self._held = False

    def receive_eof(self) -> list[Event]:
        """The client has closed: a command that is not whole is dropped."""
        self._reset()
        self._wire.clear()
        return []

    def take_rest(self) -> bytes:
        """Return the octets not taken yet, for the one who goes on with this stream."""
        return self._wire.clear()

    def _advance(self) -> list[Event]:
        events: list[Event] = []
        while not self._held:
            event = self._next()
            if event is None:
                break
            events.append(event)
            self._held = not isinstance(event, Continue)
        return events

    def _next(self) -> Event | None:
        while True:
            if self._spool is not None and not self._take_literal(self._spool):
                return None
            try:
                line = self._wire.take_line(self.limits.line)
            except LineTooLong:
                return self._line_too_long()
            if line is None:
                return None
            event = self._line_event(line)
            if event is not None:
                return event

    def _line_too_long(self) -> Event:
        if self._wants_line:
            self._wants_line = False
            return Line(None)
        # It may have announced a literal, whose octets would now run as commands.
        return Fatal("The line is too long")

    def _line_event(self, line: bytes) -> Event | None:
        if self._wants_line:
            self._wants_line = False
            return Line(line)
        if not line and not self._lines:
            return None  # some clients send an empty line behind a literal
        self._octets += len(line)
        if self._octets > self.limits.command:
            return self._over_limit(line)
        self._lines.append(line)
        announced = _LITERAL.search(line)
        return self._announced(announced) if announced else self._command()

    def _over_limit(self, line: bytes) -> Event:
        if _LITERAL.search(line):
            return Fatal("The command is too long")
        tag = self._tag()
        self._reset()
        return Bad(tag, "The command is too long")

    def _announced(self, match: re.Match[bytes]) -> Event | None:
        """Decide about a literal of which only the size is known."""
        size, waits = int(match[2]), not match[3]
        self._trouble = self._trouble or self._refusal(size)
        self._binary = bool(match[1])
        self._missing = size
        self._begin_literal(size)
        if not self._trouble:
            return Continue() if waits else None
        if waits:
            trouble = self._trouble
            self._reset()
            return trouble
        if not self.limits.may_pass_over or size > 2**32:
            return Fatal("The literal is too big")
        return None

    def _begin_literal(self, size: int) -> None:
        if self._trouble:
            self._spool = _Passing()
        elif size > SPOOL_ABOVE or self._in_memory + size > IN_MEMORY:
            self._begin_in_file()
        else:
            self._in_memory += size
            self._spool = _Memory()

    def _begin_in_file(self) -> None:
        try:
            self._file = self._file or self._new_spool()
        except MailError as error:
            self._fail(error)
        else:
            self._spool = self._file

    def _refusal(self, size: int) -> Bad | TooMuch | None:
        """Return why the literal that was announced cannot be taken; else count it."""
        start = _START.match(self._lines[0])
        if not start:
            return Bad(self._tag(), "Not a command")
        if len(self._literals) >= MOST_LITERALS:
            return TooMuch(start[1], MessageTooBig("Too many literals"))
        limits = self.limits
        if _name(start) not in limits.message_commands:
            self._octets += size
            if self._octets > limits.command:
                return TooMuch(start[1], MessageTooBig("The literal is too big"))
            return None
        self._message_octets += size
        if size > limits.message:
            return TooMuch(start[1], MessageTooBig("The message is too big"))
        if self._message_octets > limits.message * MOST_MESSAGES:
            return TooMuch(start[1], MessageTooBig("The messages together are too big"))
        return None

    def _take_literal(self, spool: Spool) -> bool:
        while self._missing:
            piece = self._wire.take_some(min(self._missing, SPOOL_ABOVE))
            if not piece:
                return False
            self._missing -= len(piece)
            try:
                spool.write(piece)
            except MailError as error:
                spool = self._fail(error)
        if not self._trouble:
            self._literals.append(Literal(spool.content(), self._binary))
        self._spool = None
        return True

    def _fail(self, error: MailError) -> Spool:
        self._trouble = TooMuch(self._tag() or b"*", error)
        self._spool = _Passing()
        return self._spool

    def _command(self) -> Event:
        start = _START.match(self._lines[0])
        event: Event
        if self._trouble:
            event = self._trouble
        elif not start:
            event = Bad(self._tag(), "Not a command")
        else:
            lines, literals = tuple(self._lines), tuple(self._literals)
            event = RawCommand(start[1], _name(start), start.end(), lines, literals)
        self._reset()
        return event

    def _tag(self) -> bytes | None:
        match = _TAG.match(self._lines[0]) if self._lines else None
        return match[0] if match else None


def _name(start: re.Match[bytes]) -> bytes:
    return ((start[2] or b"") + start[3]).upper()


class _Memory:
    """A spool for what is small."""

    def __init__(self) -> None:
        self._octets = bytearray()

    def write(self, data: bytes) -> None:
        self._octets += data

    def content(self) -> MessageContent:
        return MemoryContent(bytes(self._octets))
